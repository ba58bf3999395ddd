using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Writes one conversation: a function of the grammar, the random numbers and the split.</summary>
internal sealed class ConversationWriter
{
    private readonly Grammar _grammar;
    private readonly SeededRandom _random;
    private readonly RequestWriter _requests;
    private readonly SmallTalk[] _smallTalk;
    private readonly CorpusSplit _split;
    private readonly JsonArray _messages = [];
    private IReadOnlyList<OfferedTool> _tools = [];
    private Request? _before;

    public ConversationWriter(Grammar grammar, SeededRandom random, CorpusSplit split)
    {
        (_grammar, _random, _split) = (grammar, random, split);
        _requests = new RequestWriter(grammar, random, split);
        _smallTalk = [.. grammar.SmallTalk.Where(talk => !talk.Requests.IsEmpty(split))];
    }

    /// <summary>Writes a conversation of one to five requests.</summary>
    public CorpusConversation Write()
    {
        _tools = _random.Chance(0.04) ? [] : ToolOffers.Draw(_grammar, _random, _split);
        if (_grammar.SystemMessages.Count > 0 && _random.Chance(0.15))
        {
            Say("system", _random.Pick(_grammar.SystemMessages));
        }

        var kind = "";
        for (var left = _random.Pick([1, 1, 2, 3, 3, 4, 4, 5]); left > 0; left--)
        {
            kind = WriteTurn(isLast: left == 1);
        }

        var tools = _tools.Count == 0 ? null : new JsonArray([.. _tools.Select(tool => tool.ToJson())]);
        return new CorpusConversation(kind, _messages, tools);
    }

    private string WriteTurn(bool isLast)
    {
        if (_before is { } before && _random.Chance(0.35) && _requests.DrawFollowUp(before) is { } again)
        {
            return WriteCalls([again], again.Text, "follow-up", isLast);
        }

        var drawn = _random.Below(100);
        if (drawn < 9)
        {
            return WriteSmallTalk();
        }

        // Training refuses more often: to look for a tool that is not there is the hardest to learn.
        var called = _split == CorpusSplit.Training && _grammar.Pool is not null ? 30 : 24;
        if (drawn < called)
        {
            return WriteRefusal();
        }

        var twice = drawn < called + 9;
        if (_requests.DrawServed(_tools, plain: twice) is not { } first)
        {
            return WriteRefusal();
        }

        if (twice && _requests.DrawServed(_tools, plain: true) is { } second)
        {
            var text = first.Text + _grammar.Joiners.Draw(_random, _split) + second.Text;
            return WriteCalls([first, second], text, "two-calls", isLast);
        }

        return WriteCalls([first], first.Text, "call", isLast);
    }

    private string WriteSmallTalk()
    {
        var talk = _random.Pick(_smallTalk);
        var wording = talk.Requests.Draw(_random, _split);
        Say("user", _requests.Finish(wording, wording));
        Say("assistant", _random.Pick(talk.Answers));
        _before = null;
        return "small-talk";
    }

    private string WriteRefusal()
    {
        var request = _requests.DrawUnserved(_tools, out var family);
        Say("user", _requests.Finish(request.Text, request.Wording));
        Say("assistant", Pattern.Fill(_random.Pick(_grammar.Refusals), _ => family.Topic));
        _before = null;
        return "refusal";
    }

    private string WriteCalls(Request[] requests, string text, string kind, bool isLast)
    {
        Say("user", _requests.Finish(text, requests[0].Wording));
        var calls = requests.Select(request => (JsonNode)new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = request.Tool!.Name,
                ["arguments"] = request.Arguments!.DeepClone(),
            },
        });
        _messages.Add((JsonNode)new JsonObject
        {
            ["role"] = "assistant",
            ["content"] = "",
            ["tool_calls"] = new JsonArray([.. calls]),
        });
        _before = requests.Length == 1 ? requests[0] : null;
        if (isLast && _random.Chance(0.75))
        {
            return kind;
        }

        Say("assistant", string.Join(' ', requests.Select(WriteResult).ToArray()));
        return "answer";
    }

    // Adds the tool's message and returns the sentence that tells it.
    private string WriteResult(Request request)
    {
        if (_random.Chance(0.06))
        {
            var error = _random.Pick(_grammar.Errors);
            var failed = new JsonObject { ["error"] = error };
            AddResult(request, _random.Chance(0.5) ? failed.ToJsonString() : $"Error: {error}");
            return Pattern.Fill(_random.Pick(_grammar.ErrorAnswers), _ => error);
        }

        var values = new Dictionary<string, SlotValue>(request.Values, StringComparer.Ordinal);
        foreach (var (slot, kind) in request.Intent.ResultSlots)
        {
            values[slot] = kind.Draw(_random, _split);
        }

        AddResult(request, request.Intent.Results.Count == 0
            ? _random.Pick(_grammar.DoneResults)
            : ResultText(_random.Pick(request.Intent.Results), values));
        var answers = request.Intent.Answers.Where(answer => Pattern.Slots(answer).TrueForAll(values.ContainsKey))
            .ToArray();
        return Pattern.Fill(
            _random.Pick(answers.Length > 0 ? answers : _grammar.DoneAnswers), slot => values[slot].Text);
    }

    private void AddResult(Request request, string content) => _messages.Add((JsonNode)new JsonObject
    {
        ["role"] = "tool",
        ["name"] = request.Tool!.Name,
        ["content"] = content,
    });

    private static string ResultText(JsonNode result, Dictionary<string, SlotValue> values)
    {
        if (result is not JsonObject members)
        {
            return Pattern.Fill(result.ToString(), slot => values[slot].Text);
        }

        var filled = new JsonObject();
        foreach (var (name, value) in members)
        {
            var text = value is JsonValue json && json.TryGetValue(out string? found) ? found : null;
            filled[name] = text is null ? value?.DeepClone()
                : Pattern.Slots(text) is [var slot] && text.Length == slot.Length + 2 ? values[slot].ToJson()
                : Pattern.Fill(text, slot => values[slot].Text);
        }

        return filled.ToJsonString();
    }

    private void Say(string role, string content) =>
        _messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = content });
}
