"""What is computed: diffusion, flow matching, networks, training. No Streamlit, no prose."""
