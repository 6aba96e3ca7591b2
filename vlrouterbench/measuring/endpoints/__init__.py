"""Where candidates can be asked: one form of file for measuring, serving and the demo."""
