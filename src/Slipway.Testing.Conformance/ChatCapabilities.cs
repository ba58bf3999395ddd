namespace Slipway.Testing.Conformance;

/// <summary>Names what a chat client claims to do; tests of what it does not claim are skipped.</summary>
[Flags]
public enum ChatCapabilities
{
    /// <summary>Nothing beyond text in and text out.</summary>
    None = 0,

    /// <summary>At temperature 0 the same request has the same answer.</summary>
    RepeatableAnswers = 1 << 0,

    /// <summary>Temperature, top-k, top-p and a seed govern the draws.</summary>
    Sampling = 1 << 1,

    /// <summary>Tools are called, and calls can be required.</summary>
    Tools = 1 << 2,

    /// <summary>Answers can be held to JSON and its schemas.</summary>
    StructuredOutput = 1 << 3,

    /// <summary>The model reasons where the request leaves it the choice.</summary>
    Reasoning = 1 << 4,

    /// <summary>The model takes images.</summary>
    Images = 1 << 5,

    /// <summary>The model runs in this process, so its metadata names no address.</summary>
    LocalModel = 1 << 6,
}
