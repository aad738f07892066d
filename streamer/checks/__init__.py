"""What ``w2v-stream validate`` looks for."""
