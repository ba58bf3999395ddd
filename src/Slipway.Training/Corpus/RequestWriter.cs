using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Holds a request, and the call that serves it.</summary>
internal sealed record Request(
    string Text,
    Intent Intent,
    IReadOnlyDictionary<string, SlotValue> Values,
    OfferedTool? Tool,
    JsonObject? Arguments);

/// <summary>Draws requests and writes them as people do.</summary>
internal sealed class RequestWriter(Grammar grammar, SeededRandom random, CorpusSplit split)
{
    private const int MostTries = 60;

    /// <summary>Draws a request that one of the tools serves; null where none was found.</summary>
    /// <param name="tools">The tools offered.</param>
    /// <param name="plain">Whether the wording must be one that others may be joined to.</param>
    public Request? DrawServed(IReadOnlyList<OfferedTool> tools, bool plain)
    {
        for (var tries = 0; tools.Count > 0 && tries < MostTries; tries++)
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
                    return new Request(Fill(wording, values), intent, values, tool, arguments);
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
                return new Request(Fill(wording, values), intent, values, null, null);
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
            ? new Request(Fill(wording, values), before.Intent, values, tool, arguments)
            : null;
    }

    /// <summary>Adds an opening or closing courtesy to a request, and capitals and a full stop in some.</summary>
    public string Finish(string text)
    {
        var sentence = random.Chance(0.3);
        if (!sentence || !char.IsLower(text[0]))
        {
            return text;
        }

        text = char.ToUpperInvariant(text[0]) + text[1..];
        return random.Chance(0.6) && char.IsLetterOrDigit(text[^1]) ? text + (IsQuestion(text) ? "?" : ".") : text;
    }

    private static bool IsQuestion(string text) => text.Split(' ', 2)[0]
        is "What" or "Which" or "How" or "Is" or "Are" or "Can" or "Could" or "Would" or "Will" or "Do" or "Does" or "When"
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

    private static string Fill(string wording, Dictionary<string, SlotValue> values) =>
        Pattern.Fill(wording, slot => values[slot].Text);
}
