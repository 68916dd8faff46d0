"""HTTP, thin: requests are parsed, one verb or operation is called, its answer is presented."""
