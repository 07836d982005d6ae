"""Documents: folders, collections, documents, versions, trash and jobs over HTTP."""
