using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Chat;
using Slipway.Packaging;
using Slipway.Tokenization;
using Slipway.Tokenization.Training;

namespace Slipway.Tests.Chat;

/// <summary>Renders a published template and encodes it with a tokenizer that has the tokens which it writes.</summary>
internal sealed partial class TemplateModel : IChatModel
{
    private readonly ChatTemplate _template;
    private readonly TemplateTraits _traits;
    private readonly HuggingFaceTokenizer _tokenizer;

    public TemplateModel(string source)
    {
        _template = ChatTemplate.Parse(source);
        Tokens = [.. Token().Matches(source).Select(match => match.Value).Append("<s>").Append("</s>").Distinct()];
        _tokenizer = HuggingFaceTokenizer.Parse(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(new BpeTrainer(
            new BpeTrainerOptions { VocabularySize = 256 + Tokens.Count, SpecialTokens = [.. Tokens] })
            .Train([""]))), "tokenizer.json");
        _traits = new TemplateProbe(_template, AddTokens, Tokens.Contains, ToolCallFormats.All).Find();
        ControlTokens = new(_tokenizer, source);
    }

    public IReadOnlyList<string> Tokens { get; }

    public GenAISearch Search { get; } = new();

    public ControlTokens ControlTokens { get; }

    public IChatModel WithTemplate(string source) => throw new NotSupportedException();

    public TemplateTraits? Traits(bool withTools) => _traits;

    public string Render(
        JsonObject variables, bool withTools, TimeProvider time, CancellationToken cancellationToken)
    {
        AddTokens(variables);
        return _template.Render(variables, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc, cancellationToken);
    }

    public IReadOnlyList<int> Encode(string text) => _tokenizer.Encode(text, addSpecialTokens: false);

    public IReadOnlyList<int> EncodePrompt(string prompt) => ControlTokens.Encode(prompt);

    /// <summary>The text of a prompt, and the control tokens in it.</summary>
    public (string Text, string Control) Describe(IReadOnlyList<int> ids)
        => (_tokenizer.Decode([.. ids], skipSpecialTokens: false), string.Join(
            ' ', ids.Where(_tokenizer.IsSpecial).Select(_tokenizer.IdToToken)));

    public string? SpecialText(int id) => _tokenizer.IsSpecial(id) ? _tokenizer.IdToToken(id) : null;

    public bool IsSpecial(string text) => Tokens.Contains(text);

    public ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags) => new Untouched();

    public ILogitsProcessor Limit(
        ReasoningFormat reasoning, IReadOnlySet<string> tags, bool startsInReasoning, int budget) => new Untouched();

    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private static void AddTokens(JsonObject variables)
    {
        variables["bos_token"] = "<s>";
        variables["eos_token"] = "</s>";
    }

    [GeneratedRegex(@"<\|[^<>|'""{}\n]+\|>|<｜[^<>｜'""{}\n]+｜>|</?[a-z_]+>|\[/?[A-Z_]{3,}\]")]
    private static partial Regex Token();

    private sealed class Untouched : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
        }
    }
}
