using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Holds a request, and the call that serves it.</summary>
/// <param name="Wording">How it is said; its slots are still open.</param>
/// <param name="Intent">What is asked for.</param>
/// <param name="Values">The values of the slots.</param>
/// <param name="Tool">The tool that serves it; null where none is offered.</param>
/// <param name="Arguments">The arguments of its call.</param>
internal sealed record Request(
    string Wording,
    Intent Intent,
    IReadOnlyDictionary<string, SlotValue> Values,
    OfferedTool? Tool,
    JsonObject? Arguments)
{
    /// <summary>Words of the person.</summary>
    public string Text => Pattern.Fill(Wording, slot => Values[slot].Text);
}

/// <summary>Draws requests and writes them as people do.</summary>
internal sealed class RequestWriter(Grammar grammar, SeededRandom random, CorpusSplit split)
{
    private const int MaxTries = 60;

    /// <summary>Draws a request that one of the tools serves; null where none was found.</summary>
    /// <param name="tools">The tools offered.</param>
    /// <param name="plain">Whether the wording must be one that others may be joined to.</param>
    public Request? DrawServed(IReadOnlyList<OfferedTool> tools, bool plain)
    {
        for (var tries = 0; tools.Count > 0 && tries < MaxTries; tries++)
        {
            var family = random.Pick(tools).Family;
            var intent = random.Pick(family.Intents);
            if (Word(intent, plain) is not { } wording)
            {
                continue;
            }

            var values = Values(family, wording);
            foreach (var tool in tools.Where(tool => tool.Family == family))
            {
                if (tool.Arguments(values, intent.Fixed) is { } arguments)
                {
                    return new Request(wording, intent, values, tool, arguments);
                }
            }
        }

        return null;
    }

    /// <summary>Draws a request that no offered tool serves.</summary>
    public Request DrawUnserved(IReadOnlyList<OfferedTool> tools, out ToolFamily family)
    {
        var others = grammar.Families.Where(other => tools.All(tool => tool.Family != other)).ToArray();
        while (true)
        {
            family = random.Pick(others);
            var intent = random.Pick(family.Intents);
            if (Word(intent, plain: false) is { } wording)
            {
                var values = Values(family, wording);
                return new Request(wording, intent, values, null, null);
            }
        }
    }

    /// <summary>Repeats a request with another value, as in "and the hall"; null where it cannot be said so.</summary>
    public Request? DrawFollowUp(Request before)
    {
        if (before.Tool is not { } tool || before.Intent.FollowUps.IsEmpty(split))
        {
            return null;
        }

        var wording = before.Intent.FollowUps.Draw(random, split);
        var changed = Values(tool.Family, wording);
        var values = new Dictionary<string, SlotValue>(before.Values, StringComparer.Ordinal);
        foreach (var (slot, value) in changed)
        {
            if (!values.ContainsKey(slot))
            {
                return null;
            }

            values[slot] = value;
        }

        return tool.Arguments(values, before.Intent.Fixed) is { } arguments
            ? new Request(wording, before.Intent, values, tool, arguments)
            : null;
    }

    /// <summary>Says a request in other words; null where none were found.</summary>
    public Request? DrawParaphrase(Request request)
    {
        for (var tries = 0; tries < MaxTries; tries++)
        {
            if (Word(request.Intent, plain: false) is { } wording && wording != request.Wording
                && Pattern.Slots(wording).ToHashSet(StringComparer.Ordinal).SetEquals(request.Values.Keys))
            {
                return request with { Wording = wording };
            }
        }

        return null;
    }

    /// <summary>Writes some texts as sentences: with a capital and a full stop.</summary>
    /// <remarks>A name stays as it is drawn, also at the start: it is what the call's argument must be.</remarks>
    /// <param name="text">What the person says.</param>
    /// <param name="wording">Its wording, or that of its first part.</param>
    public string Finish(string text, string wording)
    {
        var sentence = random.Chance(0.3);
        if (!sentence || wording[0] == '{' || !char.IsLower(text[0]))
        {
            return text;
        }

        text = char.ToUpperInvariant(text[0]) + text[1..];
        return random.Chance(0.6) && char.IsLetterOrDigit(text[^1]) ? text + (IsQuestion(text) ? "?" : ".") : text;
    }

    private static bool IsQuestion(string text) => text.Split(' ', 2)[0]
        is "What" or "Which" or "How" or "Is" or "Are" or "Can" or "Could" or "Would" or "Will" or "Do" or "Does"
        or "When"
        or "Where" or "Who" or "Did";

    private string? Word(Intent intent, bool plain)
    {
        var (requests, phrases) = (!intent.Requests.IsEmpty(split), !plain && !intent.Phrases.IsEmpty(split));
        if (!requests && !phrases)
        {
            return null;
        }

        if (!requests || (phrases && random.Chance(0.35)))
        {
            return intent.Phrases.Draw(random, split);
        }

        var text = intent.Requests.Draw(random, split);
        if (plain)
        {
            return text;
        }

        return random.Below(10) switch
        {
            < 4 => text,
            < 8 => grammar.Openers.Draw(random, split) + text,
            _ => text + grammar.Closers.Draw(random, split),
        };
    }

    private Dictionary<string, SlotValue> Values(ToolFamily family, string wording) =>
        Pattern.Slots(wording).Distinct(StringComparer.Ordinal).ToDictionary(
            slot => slot, slot => family.Slots[slot].Draw(random, split), StringComparer.Ordinal);
}
