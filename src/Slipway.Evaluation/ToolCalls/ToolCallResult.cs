namespace Slipway.Evaluation.ToolCalls;

/// <summary>Holds how one case went.</summary>
/// <param name="Case">The case.</param>
/// <param name="IsRight">
/// Whether exactly the expected calls came, in order, each with its name and all its arguments; where no call is
/// expected, whether none came.
/// </param>
/// <param name="IsTextRight">Whether no call was expected, none came, and the text is the expected one.</param>
/// <param name="NamesRight">Whether exactly the expected tools were called, whatever the arguments.</param>
/// <param name="NotOffered">Calls to tools that were not offered.</param>
/// <param name="Malformed">Calls whose arguments could not be parsed.</param>
/// <param name="Answer">What came, for people.</param>
public sealed record ToolCallResult(
    ToolCallCase Case,
    bool IsRight,
    bool IsTextRight,
    bool NamesRight,
    int NotOffered,
    int Malformed,
    string Answer);
