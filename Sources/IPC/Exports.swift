@_exported public import IPCCore
@_exported public import IPCMessageQueue
@_exported public import IPCPipes
@_exported public import IPCProcess
@_exported public import IPCSharedMemory
@_exported public import IPCSockets
@_exported public import IPCSync
@_exported public import IPCWorkers
