@_exported public import IPCCore
@_exported public import IPCProcess
