"""What is stress?"""
