"""What is taught: prose, presets, questions, and the job that each lesson runs. No Streamlit."""
