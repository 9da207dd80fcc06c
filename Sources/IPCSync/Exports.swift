@_exported public import IPCSharedMemory
