namespace Slipway.Chat;

/// <summary>Holds what a chat template does with tools and reasoning, found by rendering probes of it.</summary>
internal sealed record TemplateTraits
{
    /// <summary>The format in which the model writes calls; null where neither template nor tokenizer tells.</summary>
    public ToolCallFormat? Calls { get; init; }

    /// <summary>The format in which the model marks its reasoning; null where it does not.</summary>
    public ReasoningFormat? Reasoning { get; init; }

    /// <summary>The member of a message in which the template looks for the reasoning of an earlier answer.</summary>
    public string ReasoningMember { get; init; } = "reasoning_content";

    /// <summary>The place where the template looks for tools; null where it has none.</summary>
    public ToolPlace? Tools { get; init; }

    /// <summary>Tells whether calls of earlier answers are rendered.</summary>
    public bool RendersCalls { get; init; }

    /// <summary>Tells whether results of calls are rendered.</summary>
    public bool RendersResults { get; init; }

    /// <summary>Tells whether the result of a call must be a list of parts, not a text.</summary>
    public bool TakesResultsAsParts { get; init; }

    /// <summary>Tells whether the arguments of calls must be JSON in a text, not an object.</summary>
    public bool TakesArgumentsAsText { get; init; }

    /// <summary>The form of the content of a message that only calls.</summary>
    public EmptyContent EmptyContent { get; init; }

    /// <summary>Tells whether a system message is rendered.</summary>
    public bool RendersSystem { get; init; } = true;

    /// <summary>Tells whether requests without tools may leave the variable of the tools undefined.</summary>
    public bool TakesNoTools { get; init; } = true;

    /// <summary>
    /// Tells whether the schemas of tools may be any: without descriptions, with several types or none.
    /// </summary>
    public bool TakesAnySchema { get; init; } = true;

    /// <summary>The conversations that the template takes.</summary>
    public ConversationTraits Conversation { get; init; } = new();
}

/// <summary>Names the forms in which templates take the content of a message that says nothing.</summary>
internal enum EmptyContent
{
    /// <summary>An empty text.</summary>
    Text,

    /// <summary>Null.</summary>
    Null,

    /// <summary>A list of one empty text, for templates that look into the first part.</summary>
    Part,
}
