# cmake -DDIRECTORY=engine/tokenizer -DOUTPUT=FILE.cc -P code_digest.cmake: defines the function of
# code_digest.h. Images in a cache are named by it, among others: code that reads a tokenizer's
# files differently finds none of those that other code made.

file(GLOB_RECURSE files RELATIVE ${DIRECTORY} ${DIRECTORY}/*.cc ${DIRECTORY}/*.h)
list(SORT files)
set(digests "")
foreach(file ${files})
  file(SHA256 ${DIRECTORY}/${file} digest)
  string(APPEND digests "${file} ${digest}\n")
endforeach()
string(SHA256 digest "${digests}")
file(WRITE ${OUTPUT}
  "#include \"engine/tokenizer/cache/code_digest.h\"\n\n"
  "namespace firstlight {\n\n"
  "const char* TokenizerCodeDigest() { return \"${digest}\"; }\n\n"
  "}  // namespace firstlight\n")
