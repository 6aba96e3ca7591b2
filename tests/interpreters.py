"""Code for other interpreters: what a script runs first to find some packages absent."""

WITHOUT = """
class Without:
    '''A finder that does not see some packages.'''
    def __init__(self, finder, absent):
        self.finder, self.absent = finder, absent
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in self.absent else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
"""
