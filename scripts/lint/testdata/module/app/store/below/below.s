// want-file build
