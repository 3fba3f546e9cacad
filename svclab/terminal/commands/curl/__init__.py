"""curl: `options` reads its arguments, `addresses` its URLs, `transfer` makes one request, `program` is it
all.
"""
