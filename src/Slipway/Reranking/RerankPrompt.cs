using System.Text.Json.Nodes;
using Slipway.Chat;
using Slipway.Encoders;
using Slipway.Tokenization;

namespace Slipway.Reranking;

/// <summary>Puts a query and a passage to a decoder as a conversation.</summary>
/// <remarks>
/// A package made for ranking has a chat template with the roles <c>query</c> and <c>document</c>, and its prompt is
/// the system's message. Other templates are given a system's and a user's message in the form that Qwen3-Reranker was
/// published with. Models that take no messages are given both texts as their tokenizer joins them.
/// </remarks>
internal sealed class RerankPrompt
{
    private const string Judge =
        "Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the "
        + "answer can only be \"yes\" or \"no\".";

    private const string WebSearch =
        "Given a web search query, retrieve relevant passages that answer the query";

    private readonly LanguageModel _model;
    private readonly PackageTemplates _templates;
    private readonly JsonObject _variables;
    private readonly string _instruction;
    private readonly bool _takesMessages;
    private readonly bool _hasParts;
    private readonly bool _hasRoles;
    private readonly int _contextLength;
    private readonly int[] _closing;
    private readonly ControlTokens _controlTokens;

    private RerankPrompt(
        LanguageModel model, SentenceSettings settings, OnnxRerankerOptions options, int contextLength)
    {
        (_model, _contextLength) = (model, contextLength);
        _templates = PackageTemplates.Read(model.Package);
        _controlTokens = new(model.Tokenizer, _templates.Sources);
        _variables = settings.TemplateVariables;
        _instruction = options.Instruction ?? settings.Prompt(options.PromptName);
        (_takesMessages, _hasParts, _closing) = (settings.TakesMessages, settings.HasMessageParts, []);
        if (!_takesMessages)
        {
            return;
        }

        if (_templates.Template(withTools: false) is null)
        {
            throw new NotSupportedException(
                $"The package '{model.Package.Path}' is a decoder without a chat template, so it is not known how a "
                + "pair is put to it. Put the model's 'chat_template.jinja' into the package, or give the package of a "
                + "cross-encoder.");
        }

        const string query = "first-text", passage = "second-text";
        _hasRoles = TryRender(query, passage) is { } text
            && text.Contains(query, StringComparison.Ordinal) && text.Contains(passage, StringComparison.Ordinal);
        if (!_hasRoles && _instruction.Length == 0)
        {
            _instruction = WebSearch;
        }

        _closing = Closing(query, passage);
        if (_contextLength <= _closing.Length)
        {
            throw new ArgumentException(
                $"ContextLength is '{_contextLength}'; the end of the model's template alone has '{_closing.Length}' "
                + "tokens. Set it to more.", nameof(options));
        }
    }

    /// <summary>Reads how a package puts pairs to its model.</summary>
    /// <exception cref="NotSupportedException">The package has no chat template.</exception>
    /// <exception cref="ArgumentException">There is no such prompt, or no room for a pair.</exception>
    public static RerankPrompt Read(
        LanguageModel model, SentenceSettings settings, OnnxRerankerOptions options, int contextLength)
        => new(model, settings, options, contextLength);

    /// <summary>Encodes a pair; what is too long loses its end but for what closes the conversation.</summary>
    public int[] Encode(string query, string passage, CancellationToken cancellationToken)
    {
        if (!_takesMessages)
        {
            return _model.Tokenizer.EncodePair(_instruction + query, passage, _contextLength).Ids;
        }

        var ids = Tokens(query, passage, cancellationToken);
        return ids.Length <= _contextLength
            ? ids
            : [.. ids[..(_contextLength - _closing.Length)], .. _closing];
    }

    private int[] Tokens(string query, string passage, CancellationToken cancellationToken)
        => _controlTokens.Encode(
            Text(_controlTokens.Escape(query), _controlTokens.Escape(passage), cancellationToken));

    private string Text(string query, string passage, CancellationToken cancellationToken)
        => Render(_hasRoles ? Roles(query, passage) : Published(query, passage), cancellationToken);

    private string? TryRender(string query, string passage)
    {
        try
        {
            return Render(Roles(query, passage), default);
        }
        catch (ChatTemplateException)
        {
            // Templates refuse roles that they do not know.
            return null;
        }
    }

    private string Render(JsonArray messages, CancellationToken cancellationToken)
    {
        var variables = _variables.DeepClone().AsObject();
        variables["messages"] = messages;
        if (!_hasRoles)
        {
            variables.TryAdd("add_generation_prompt", true);
            variables.TryAdd("enable_thinking", false);
        }

        return _templates.Render(variables, withTools: false, TimeProvider.System, cancellationToken);
    }

    // Made by its constructor, here and below: what a collection expression calls needs reflection.
    private JsonArray Roles(string query, string passage) => _instruction.Length == 0
        ? new(Message("query", query), Message("document", passage))
        : new(Message("system", _instruction), Message("query", query), Message("document", passage));

    private JsonArray Published(string query, string passage) => new(
        Message("system", Judge),
        Message("user", $"<Instruct>: {_instruction}\n<Query>: {query}\n<Document>: {passage}"));

    private JsonObject Message(string role, string content) => new()
    {
        ["role"] = role,
        ["content"] = _hasParts ? new JsonArray(new JsonObject { ["type"] = "text", ["text"] = content }) : content,
    };

    // The tokens that stand after any passage: as many of the end as two conversations have in common, and no more than
    // the template's own text there has.
    private int[] Closing(string query, string passage)
    {
        var text = Text(query, passage, default);
        var end = text[(text.LastIndexOf(passage, StringComparison.Ordinal) + passage.Length)..];
        var most = _model.Tokenizer.Encode(end, addSpecialTokens: false).Length;
        int[] first = Tokens(query, passage, default), second = Tokens(query, "one more text", default);
        var count = 0;
        while (count < Math.Min(most, Math.Min(first.Length, second.Length))
            && first[^(count + 1)] == second[^(count + 1)])
        {
            count++;
        }

        return first[^count..];
    }
}
