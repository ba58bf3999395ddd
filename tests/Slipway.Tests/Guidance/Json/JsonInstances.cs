using System.Text;
using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json.Values;

namespace Slipway.Tests.Guidance.Json;

/// <summary>Writes JSON values as answers write them: members in any order, numbers without exponent.</summary>
internal static class JsonInstances
{
    private const int MaxSpellings = 20_000;

    /// <summary>Whether a document of the grammar has this value.</summary>
    public static bool CanProduce(this GrammarAutomaton automaton, JsonElement value)
        => Spell(value).Take(MaxSpellings).Any(automaton.Accepts);

    private static IEnumerable<string> Spell(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => [Spell(JsonDecimal.Parse(value.GetRawText())!.Value)],
        JsonValueKind.String => [Spell(value.GetString()!)],
        JsonValueKind.Array => Join([.. value.EnumerateArray().Select(Spell)]).Select(items => $"[{items}]"),
        JsonValueKind.Object => Orders([.. value.EnumerateObject().Select(member => (member.Name, member.Value))])
            .SelectMany(
                members => Join(
                    [.. members.Select(member => Spell(member.Value).Select(text => $"{Spell(member.Name)}:{text}"))]))
            .Select(members => $"{{{members}}}"),
        _ => [value.GetRawText()],
    };

    private static string Spell(JsonDecimal value)
    {
        var digits = System.Numerics.BigInteger.Abs(value.Unscaled).ToString().PadLeft(value.Scale + 1, '0');
        var text = value.Scale == 0 ? digits : $"{digits[..^value.Scale]}.{digits[^value.Scale..]}";
        return value.Unscaled.Sign < 0 ? $"-{text}" : text;
    }

    private static string Spell(string text)
    {
        var json = new StringBuilder("\"");
        foreach (var c in text)
        {
            json.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' or '\x7f' => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        }

        return json.Append('"').ToString();
    }

    private static IEnumerable<string> Join(IReadOnlyList<IEnumerable<string>> parts)
        => parts.Count == 0 ? [""]
            : parts.Skip(1)
            .Aggregate(parts[0], (texts, next) => texts.SelectMany(text => next.Select(after => $"{text},{after}")));

    private static IEnumerable<(string Name, JsonElement Value)[]> Orders((string Name, JsonElement Value)[] members)
        => members.Length < 2 ? [members]
            : Enumerable.Range(0, members.Length).SelectMany(first => Orders([.. members.Where((_, i) => i != first)])
                .Select(rest => rest.Prepend(members[first]).ToArray()));
}
