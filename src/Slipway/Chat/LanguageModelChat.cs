using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Loading;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Members that a chat client needs of a model. Safe for concurrent use.</summary>
internal interface IChatModel : IDisposable
{
    /// <summary>The package's defaults of token search.</summary>
    GenAISearch Search { get; }

    /// <summary>The same model with another chat template.</summary>
    /// <param name="source">The template's source, in Jinja.</param>
    /// <exception cref="ChatTemplateException">The template's syntax is wrong.</exception>
    IChatModel WithTemplate(string source);

    /// <summary>Traits of the chat template that a request uses; null where the package has none.</summary>
    TemplateTraits? Traits(bool withTools);

    /// <summary>Renders the chat template, the tokenizer's special tokens among its variables.</summary>
    /// <param name="variables">The template's variables; special tokens are added.</param>
    /// <param name="withTools">Whether the template of requests with tools is meant.</param>
    /// <param name="time">Tells the time and the zone that the template prints.</param>
    /// <param name="cancellationToken">Stops the template between two of its steps.</param>
    string Render(
        JsonObject variables, bool withTools, TimeProvider time, CancellationToken cancellationToken);

    /// <summary>The tokens that only the template may write.</summary>
    ControlTokens ControlTokens { get; }

    /// <summary>Encodes a text, special tokens in it recognised and none added.</summary>
    IReadOnlyList<int> Encode(string text);

    /// <summary>Encodes a prompt that was rendered of escaped texts.</summary>
    IReadOnlyList<int> EncodePrompt(string prompt);

    /// <summary>The text of a special token; null for any other id.</summary>
    string? SpecialText(int id);

    /// <summary>Tells whether a text is one special token.</summary>
    bool IsSpecial(string text);

    /// <summary>Makes the processor that holds one answer to a grammar.</summary>
    /// <param name="guidance">The grammar.</param>
    /// <param name="tags">Special tokens that count as text.</param>
    ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags);

    /// <summary>Makes the processor that ends the reasoning of one answer.</summary>
    /// <param name="reasoning">The format of the reasoning.</param>
    /// <param name="tags">Special tokens that count as text.</param>
    /// <param name="startsInReasoning">Whether the prompt has opened it.</param>
    /// <param name="budget">The most tokens that it may have.</param>
    ILogitsProcessor Limit(
        ReasoningFormat reasoning, IReadOnlySet<string> tags, bool startsInReasoning, int budget);

    /// <summary>Generates an answer.</summary>
    IAsyncEnumerable<GeneratedToken> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken);
}

/// <summary>Lets a chat client talk to a language model.</summary>
internal sealed class LanguageModelChat : IChatModel
{
    private const int MaxTemplates = 16;

    private readonly ConcurrentDictionary<string, LanguageModelChat> _withTemplates = new(StringComparer.Ordinal);
    private readonly ChatFormatOptions _options;
    private readonly PackageTemplates _templates;
    private readonly TemplateFormats _formats;
    private readonly Lazy<ControlTokens> _controlTokens;

    /// <summary>Chats with a model in formats that its package tells, or the caller.</summary>
    public LanguageModelChat(LanguageModel model, ChatFormatOptions formats)
    {
        (Model, _options) = (model, formats);
        _templates = PackageTemplates.Read(model.Package, formats.ChatTemplate);
        _formats = new(_templates, IsSpecial, formats, model.Package.Manifest);
        _controlTokens = new(() => new(model.Tokenizer, [.. _templates.Sources, .. _formats.Tags]));
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    public GenAISearch Search => Model.Package.Config.Search;

    /// <summary>Loads the package of the options with the first request, and unloads it as they say.</summary>
    /// <exception cref="ArgumentException">An option has no possible value.</exception>
    public static LazyModel<IChatModel> SourceOf(OnnxChatClientOptions options, TimeProvider? time)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (OnnxChatClientOptionsValidator.Errors(options) is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(' ', errors), nameof(options));
        }

        var path = Path.GetFullPath(options.PackagePath!);
        var modelOptions = options.Model with { };
        var formats = new ChatFormatOptions(
            [.. options.ToolCallFormats], options.ToolCallFormat, options.ReasoningFormat, options.ChatTemplate);
        var name = IdOf(options);
        return new(
            typeof(OnnxChatClient), () => Load(path, name, modelOptions, formats), options.IdleTimeout, time,
            () => ChatLog.ModelUnloaded(LoggerOf(modelOptions), name, options.IdleTimeout!.Value),
            modelOptions.MemoryBudget);
    }

    /// <summary>The model's name: as the options say, or the package folder's.</summary>
    public static string IdOf(OnnxChatClientOptions options)
        => options.ModelId
            ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.PackagePath!)));

    public IChatModel WithTemplate(string source)
    {
        // Callers have few templates; one that makes a new one for each request pays for reading it.
        if (_withTemplates.Count >= MaxTemplates)
        {
            _withTemplates.Clear();
        }

        return _withTemplates.GetOrAdd(
            source, template => new LanguageModelChat(Model, _options with { ChatTemplate = template }));
    }

    public TemplateTraits? Traits(bool withTools) => _formats.Traits(withTools);

    public string Render(
        JsonObject variables, bool withTools, TimeProvider time, CancellationToken cancellationToken)
        => _templates.Render(variables, withTools, time, cancellationToken);

    public ControlTokens ControlTokens => _controlTokens.Value;

    public IReadOnlyList<int> Encode(string text) => Model.Tokenizer.Encode(text, addSpecialTokens: false);

    public IReadOnlyList<int> EncodePrompt(string prompt) => ControlTokens.Encode(prompt);

    public string? SpecialText(int id) => Model.Tokenizer.IsSpecial(id) ? Model.Tokenizer.IdToToken(id) : null;

    public bool IsSpecial(string text)
        => Model.Tokenizer.TokenToId(text) is { } id && Model.Tokenizer.IsSpecial(id);

    public ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags)
        => Model.Guidance.NewProcessor(guidance.Key, guidance.Grammar, tags, guidance.After, guidance.Prefix);

    public ILogitsProcessor Limit(
        ReasoningFormat reasoning, IReadOnlySet<string> tags, bool startsInReasoning, int budget)
        => new ReasoningBudget(
            Model.Guidance.Vocabulary(tags), reasoning, Encode(reasoning.EndingText), startsInReasoning, budget);

    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        CancellationToken cancellationToken)
        => Model.GenerateAsync(request, cancellationToken);

    public void Dispose() => Model.Dispose();

    private static ILogger LoggerOf(LanguageModelOptions options)
        => options.LoggerFactory?.CreateLogger<OnnxChatClient>() ?? (ILogger)NullLogger.Instance;

    private static LanguageModelChat Load(
        string path, string name, LanguageModelOptions options, ChatFormatOptions formats)
    {
        var logger = LoggerOf(options);
        var start = Stopwatch.GetTimestamp();
        LanguageModel? model = null;
        try
        {
            model = LanguageModel.Load(path, options);
            var chat = new LanguageModelChat(model, formats);
            ChatLog.ModelLoaded(logger, name, path, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            foreach (var file in model.Package.EditedTemplates)
            {
                ChatLog.TemplateEdited(logger, file, name);
            }

            return chat;
        }
        catch (Exception e)
        {
            ChatLog.LoadFailed(logger, e, name, path);
            model?.Dispose();
            throw;
        }
    }
}
