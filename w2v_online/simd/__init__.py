"""Code made for vector registers, as LLVM IR: what the training kernels consist of."""
