"""What the papers measured, measured again: the parts of bench/answer_papers."""
