using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Chat;

/// <summary>Members that a chat client needs of a model. Safe for concurrent use.</summary>
internal interface IChatModel : IDisposable
{
    /// <summary>The package's defaults of token search.</summary>
    GenAISearch Search { get; }

    /// <summary>The source of the chat template that a request uses; null where the package has none.</summary>
    string? TemplateSource(bool withTools);

    /// <summary>Renders the chat template, the tokenizer's special tokens among its variables.</summary>
    /// <param name="variables">The template's variables; special tokens are added.</param>
    /// <param name="time">Tells the time and the zone that the template prints.</param>
    /// <param name="cancellationToken">Stops the template between two of its steps.</param>
    string Render(JsonObject variables, TimeProvider time, CancellationToken cancellationToken);

    /// <summary>Encodes a rendered prompt, special tokens in its text recognised and none added.</summary>
    IReadOnlyList<int> Encode(string prompt);

    /// <summary>The text of a special token; null for any other id.</summary>
    string? SpecialText(int id);

    /// <summary>Tells whether a text is one special token.</summary>
    bool IsSpecial(string text);

    /// <summary>Makes the processor that holds one answer to a grammar.</summary>
    /// <param name="guidance">The grammar.</param>
    /// <param name="tags">Special tokens that count as text.</param>
    ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags);

    /// <summary>Generates an answer.</summary>
    IAsyncEnumerable<GeneratedToken> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken);
}
