"""Documents: folders, documents, versions and jobs over HTTP."""
