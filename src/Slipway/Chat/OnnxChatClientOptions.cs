namespace Slipway;

/// <summary>Says which package a chat client serves, how its model is loaded, and how it answers.</summary>
public sealed class OnnxChatClientOptions
{
    /// <summary>The package folder; relative paths start at the current directory.</summary>
    public string? PackagePath { get; set; }

    /// <summary>The model's name in responses and telemetry.</summary>
    /// <value>The name of the package folder.</value>
    public string? ModelId { get; set; }

    /// <summary>Options of the model: its loading and what it may use.</summary>
    /// <value>The defaults of <see cref="LanguageModelOptions"/>.</value>
    /// <remarks>In configuration a section of this name, such as <c>"Model": { "Threads": 4 }</c>.</remarks>
    public LanguageModelOptions Model { get; set; } = new();

    /// <summary>Tells whether a host loads the model as it starts, so that the first request does not wait.</summary>
    /// <value>false: the first request loads it. A missing package stops the host in any case.</value>
    public bool LoadAtStart { get; set; }

    /// <summary>The time without a request after which the model is unloaded; the next one loads it again.</summary>
    /// <value>None: the model stays until the client is disposed.</value>
    /// <remarks>
    /// Never under a running request. A <see cref="LanguageModel"/> that the client's <c>GetService</c> gave is
    /// disposed with it.
    /// </remarks>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>
    /// Tells whether tool calls are held to the offered tools: their names and their arguments' schemas.
    /// </summary>
    /// <value>true</value>
    /// <remarks>
    /// Text and reasoning stay free; from the tag that opens a call to the one that closes it only an offered tool's
    /// call can come, its arguments in the order of the schema's properties. Where a tool's schema has a keyword that
    /// cannot be guaranteed, its name is held and its arguments may be any JSON object; formats that write arguments
    /// between tags hold strings to no length. <see cref="OnnxChatRequestOptions.GuideToolCalls"/> says otherwise for
    /// one request.
    /// </remarks>
    public bool GuideToolCalls { get; set; } = true;

    /// <summary>The LoRA adapter of the package to answer with, where the request names none.</summary>
    /// <value>None: the model alone answers.</value>
    /// <remarks>
    /// <see cref="OnnxChatRequestOptions.Adapter"/> or the entry <c>adapter</c> of a request's additional properties
    /// chooses another one for it. Requests with different adapters are computed together.
    /// </remarks>
    public string? Adapter { get; set; }

    /// <summary>
    /// Tells whether a prompt of this client's own describes tools where the chat template has no place for them.
    /// </summary>
    /// <value>true; the first such request is logged.</value>
    /// <remarks>
    /// The functions and the form of a call stand at the end of the system message; calls are read and guided as in any
    /// other format. False refuses tools with <see cref="NotSupportedException"/>.
    /// </remarks>
    public bool DescribeTools { get; set; } = true;

    /// <summary>The name of the format in which the model writes tool calls, such as <c>hermes</c>.</summary>
    /// <value>
    /// <c>tool_call_format</c> of the package's <c>slipway.json</c>; where it has none the format is found from the
    /// chat template and the special tokens.
    /// </value>
    public string? ToolCallFormat { get; set; }

    /// <summary>Formats of tool calls beside the built-in ones, which are asked after these.</summary>
    public IList<ToolCallFormat> ToolCallFormats { get; } = [];

    /// <summary>The name of the format in which the model marks its reasoning, such as <c>think</c>.</summary>
    /// <value><c>reasoning_format</c> of the package's <c>slipway.json</c>; else found from the chat template.</value>
    public string? ReasoningFormat { get; set; }

    /// <summary>The source of a chat template, in Jinja, to use in place of the package's own.</summary>
    /// <value>None.</value>
    public string? ChatTemplate { get; set; }
}
