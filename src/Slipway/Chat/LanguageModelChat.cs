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

/// <summary>Lets a chat client talk to a language model.</summary>
internal sealed class LanguageModelChat(LanguageModel model) : IChatModel
{
    private readonly PackageTemplates _templates = PackageTemplates.Read(model.Package);

    /// <summary>The model.</summary>
    public LanguageModel Model => model;

    public GenAISearch Search => model.Package.Config.Search;

    /// <summary>Loads the package of the options with the first request.</summary>
    /// <exception cref="ArgumentException">An option has no possible value.</exception>
    public static LazyModel SourceOf(OnnxChatClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (OnnxChatClientOptionsValidator.Errors(options) is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(' ', errors), nameof(options));
        }

        var path = Path.GetFullPath(options.PackagePath!);
        var modelOptions = options.Model with { };
        return new(() => Load(path, modelOptions));
    }

    /// <summary>The model's name: as the options say, or the package folder's.</summary>
    public static string IdOf(OnnxChatClientOptions options)
        => options.ModelId
            ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.PackagePath!)));

    public string? TemplateSource(bool withTools) => _templates.Source(withTools);

    public string Render(JsonObject variables, TimeProvider time, CancellationToken cancellationToken)
        => _templates.Render(variables, time, cancellationToken);

    public IReadOnlyList<int> Encode(string prompt) => model.Tokenizer.Encode(prompt, addSpecialTokens: false);

    public string? SpecialText(int id) => model.Tokenizer.IsSpecial(id) ? model.Tokenizer.IdToToken(id) : null;

    public bool IsSpecial(string text)
        => model.Tokenizer.TokenToId(text) is { } id && model.Tokenizer.IsSpecial(id);

    public ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags)
        => model.Guidance.NewProcessor(guidance.Key, guidance.Grammar, tags, guidance.After, guidance.Prefix);

    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        CancellationToken cancellationToken)
        => model.GenerateAsync(request, cancellationToken);

    public void Dispose() => model.Dispose();

    private static LanguageModelChat Load(string path, LanguageModelOptions options)
    {
        var model = LanguageModel.Load(path, options);
        try
        {
            return new(model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
