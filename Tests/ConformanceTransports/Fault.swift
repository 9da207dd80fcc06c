public import IPCTestKit

/// A way to break the contract, and the case that must notice.
public enum Fault: String, CaseIterable, Sendable {
    case promisesMoreThanItsEnds, dropsMessages, reorders, mergesMessages, dropsEmptyMessages, acceptsTooLarge
    case losesWhatTryFinds, sendsWhatBodyRefused, miscountsBatches, sequenceLosesOnCancel, interleaves
    case deliversTwice, isUnbounded, sendsDespiteCancel, losesOnCancel, sendsDespiteDeadline, losesOnDeadline
    case ignoresCancellation, neverTriesLate, sendsAfterFinish, finishLooksLikeDeath, deathLooksLikeFinish
    case hidesDeadPeer, closeWakesNobody, closesOthers, runsOut, leaksDescriptors
    case deliversCutMessage, hidesCut, hidesLimit, hidesWrongMagic

    /// Whether it takes a stream of bytes to have it.
    public var isAboutBytes: Bool { topic == .cutFrames || topic == .hostileInput }

    /// The case that must notice it.
    public var topic: ConformanceTopic {
        switch self {
        case .promisesMoreThanItsEnds: .declarations
        case .dropsMessages, .reorders: .order
        case .mergesMessages: .boundaries
        case .dropsEmptyMessages: .emptyMessage
        case .acceptsTooLarge: .largestMessage
        case .losesWhatTryFinds: .tryForms
        case .sendsWhatBodyRefused: .inPlaceForms
        case .miscountsBatches: .batchForms
        case .sequenceLosesOnCancel: .incomingSequence
        case .interleaves: .concurrentSenders
        case .deliversTwice: .concurrentReceivers
        case .isUnbounded: .backpressure
        case .sendsDespiteCancel: .cancelledSends
        case .losesOnCancel, .ignoresCancellation: .cancelledReceives
        case .sendsDespiteDeadline: .expiredSends
        case .losesOnDeadline: .expiredReceives
        case .neverTriesLate: .passedDeadlines
        case .sendsAfterFinish, .finishLooksLikeDeath: .finish
        case .deathLooksLikeFinish: .death
        case .hidesDeadPeer: .peerGone
        case .closeWakesNobody: .closeWhileWaiting
        case .closesOthers: .independence
        case .runsOut: .manyChannels
        case .leaksDescriptors: .census
        case .deliversCutMessage, .hidesCut: .cutFrames
        case .hidesLimit, .hidesWrongMagic: .hostileInput
        }
    }
}
