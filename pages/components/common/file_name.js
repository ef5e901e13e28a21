// What a file that is saved may be called.

const fileName = (name) => name.replace(/[^\p{L}\p{N}._-]+/gu, "-");
