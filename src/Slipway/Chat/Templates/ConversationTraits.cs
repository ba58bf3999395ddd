namespace Slipway.Chat;

/// <summary>Holds which conversations a chat template takes: it raises over none, and leaves nothing out.</summary>
internal sealed record ConversationTraits
{
    /// <summary>Tells whether the role <c>developer</c> is rendered.</summary>
    public bool TakesDeveloper { get; init; } = true;

    /// <summary>Tells whether any role is rendered, whatever its name.</summary>
    public bool TakesOtherRoles { get; init; } = true;

    /// <summary>Tells whether several system messages are rendered, at the start and later.</summary>
    public bool TakesSeveralSystems { get; init; } = true;

    /// <summary>Tells whether two messages of one role may follow one another.</summary>
    public bool TakesNeighbours { get; init; } = true;

    /// <summary>Tells whether an answer may come before any question.</summary>
    public bool TakesAnswerFirst { get; init; } = true;

    /// <summary>Tells whether a conversation may be without a user's message.</summary>
    public bool TakesNoQuestion { get; init; } = true;

    /// <summary>Tells whether an answer may say nothing.</summary>
    public bool TakesEmptyAnswer { get; init; } = true;

    /// <summary>Tells whether one message may have several calls.</summary>
    public bool TakesSeveralCalls { get; init; } = true;

    /// <summary>Tells whether ids of calls may be any text; else they are nine letters and digits.</summary>
    public bool TakesAnyId { get; init; } = true;

    /// <summary>Tells whether a result may stand where no call came before it.</summary>
    public bool TakesStrayResults { get; init; } = true;

    /// <summary>The place of what is said beside calls.</summary>
    public TextBesideCalls TextBesideCalls { get; init; }
}

/// <summary>Names the places of what an answer says beside its calls.</summary>
internal enum TextBesideCalls
{
    /// <summary>The content of the message that has the calls.</summary>
    Kept,

    /// <summary>A message of its own before the calls.</summary>
    Apart,

    /// <summary>The content of a message into which the calls are written too.</summary>
    Written,
}
