using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Slipway.Chat;
using Slipway.Loading;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Tests.Chat;

/// <summary>Answers from a script; its prompt is the template's variables as JSON, a character a token.</summary>
internal sealed class ScriptedModel(params string[][] answers) : IChatModel
{
    public const string HermesTemplate = "{{ tools }} <tool_call></tool_call>";
    public const string ReasoningTemplate = HermesTemplate + " <think></think>";

    private readonly Lock _lock = new();
    private int _answer;

    public List<GenerationRequest> Requests { get; } = [];

    public List<JsonObject> Variables { get; } = [];

    public List<ResponseGuidance> Guidance { get; } = [];

    public List<int> Budgets { get; } = [];

    public bool IsDisposed { get; private set; }

    public GenAISearch Search { get; init; } = new();

    public string? Template { get; init; } = HermesTemplate;

    public string PromptEnd { get; init; } = "";

    public string? LastPrompt { get; private set; }

    public string[] SpecialTokens { get; init; } = [];

    public FinishReason FinishReason { get; init; } = FinishReason.Stop;

    public Func<CancellationToken, Task> BeforeToken { get; init; } = _ => Task.CompletedTask;

    public static ScriptedModel Answering(string text) => new([Characters(text)]);

    public static string[] Characters(string text) => [.. text.Select(c => c.ToString())];

    public IChatModel WithTemplate(string source) => throw new NotSupportedException("A script has no templates.");

    public TemplateTraits? Traits(bool withTools) => Template is null
        ? null
        : new TemplateProbe(ChatTemplate.Parse(Template), _ => { }, IsSpecial, ToolCallFormats.All).Find() with
        {
            RendersCalls = true,
            RendersResults = true,
            RendersSystem = true,
            Conversation = new(),
        };

    public string Render(
        JsonObject variables, bool withTools, TimeProvider time, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Variables.Add(variables);
        }

        return variables.ToJsonString() + PromptEnd;
    }

    public ControlTokens ControlTokens => ControlTokens.None;

    public IReadOnlyList<int> Encode(string text) => [.. text.Select(c => (int)c)];

    public IReadOnlyList<int> EncodePrompt(string prompt)
    {
        LastPrompt = prompt;
        return [.. prompt.Select(c => (int)c)];
    }

    public string? SpecialText(int id) => id < 0 ? SpecialTokens[-id - 1] : null;

    public bool IsSpecial(string text) => SpecialTokens.Contains(text);

    public ILogitsProcessor Guide(ResponseGuidance guidance, IReadOnlySet<string> tags)
    {
        Guidance.Add(guidance);
        return new Untouched();
    }

    public ILogitsProcessor Limit(
        ReasoningFormat reasoning, IReadOnlySet<string> tags, bool startsInReasoning, int budget)
    {
        Budgets.Add(budget);
        return new Untouched();
    }

    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string[] answer;
        lock (_lock)
        {
            Requests.Add(request);
            answer = answers[Math.Min(_answer++, answers.Length - 1)];
        }

        for (var i = 0; i < answer.Length; i++)
        {
            await BeforeToken(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            var isLast = i == answer.Length - 1;
            yield return new()
            {
                Id = -1 - Array.IndexOf(SpecialTokens, answer[i]),
                Text = answer[i],
                FinishReason = isLast ? FinishReason : null,
                Usage = isLast
                    ? new(request.PromptIds.Count, answer.Length, 2, default, default, default)
                    : null,
            };
        }
    }

    public void Dispose() => IsDisposed = true;

    public OnnxChatClient ToClient() => new(new LazyModel<IChatModel>(this), "scripted", timeProvider: null);

    private sealed class Untouched : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
        }
    }
}
