@_exported public import IPCCore
