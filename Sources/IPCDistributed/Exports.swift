@_exported public import IPCCore
@_exported public import IPCProcess
@_exported public import IPCSockets
