"""Questions and endpoints -> own tables: candidates are asked, their answers kept and graded."""
