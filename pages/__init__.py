"""What a student sees. Streamlit lives here and in streamlit_app.py only."""
