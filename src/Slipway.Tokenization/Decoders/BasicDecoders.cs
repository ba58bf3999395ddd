using System.Text;
using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override bool UsesBytes => true;

    public override List<string> Decode(List<string> tokens)
    {
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            bytes.AddRange(ByteAlphabet.Decode(token));
        }

        return [Encoding.UTF8.GetString([.. bytes])];
    }
}

/// <summary>Joins runs of <c>&lt;0xXX&gt;</c> tokens; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Decode(List<string> tokens)
    {
        List<string> result = new(tokens.Count);
        List<byte> run = [];
        foreach (string token in tokens)
        {
            int value = ByteOf(token);
            if (value >= 0)
            {
                run.Add((byte)value);
                continue;
            }

            Flush(run, result);
            result.Add(token);
        }

        Flush(run, result);
        return result;
    }

    private static void Flush(List<byte> run, List<string> result)
    {
        if (run.Count == 0)
        {
            return;
        }

        byte[] bytes = [.. run];
        run.Clear();
        try
        {
            result.Add(Strict.GetString(bytes));
        }
        catch (DecoderFallbackException)
        {
            result.Add(new string('\uFFFD', bytes.Length));
        }
    }
}

internal sealed class FuseDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}

internal sealed class ReplaceDecoder(Regex pattern, string content) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Select(token => pattern.Replace(token, _ => content))];
}

/// <summary>Drops up to so many of one character at the start and the end of each part.</summary>
internal sealed class StripDecoder(char character, int start, int stop) : TokenDecoder
{
    public override (char Character, int Count) StartStrip => (character, start);

    public static StripDecoder Parse(Section section)
    {
        string content = section.String("content");
        return content.Length == 1
            ? new StripDecoder(content[0], section.Int("start"), section.Int("stop"))
            : throw section["content"].Wrong("one character");
    }

    public override string DecodeInside(string token) => token;

    public override List<string> Decode(List<string> tokens) => [.. tokens.Select(Strip)];

    private string Strip(string token)
    {
        int from = 0, to = token.Length;
        while (from < to && from < start && token[from] == character)
        {
            from++;
        }

        for (int i = 0; i < stop && to > from && token[to - 1] == character; i++)
        {
            to--;
        }

        return token[from..to];
    }
}

internal sealed class DecoderSequence(TokenDecoder[] decoders) : TokenDecoder
{
    public override bool UsesBytes => decoders.Any(decoder => decoder.UsesBytes);

    public override (char Character, int Count) StartStrip =>
        decoders.Select(decoder => decoder.StartStrip).FirstOrDefault(strip => strip.Count > 0);

    public override List<string> Decode(List<string> tokens) =>
        decoders.Aggregate(tokens, (current, decoder) => decoder.Decode(current));

    public override string DecodeInside(string token) =>
        decoders.Aggregate(token, (current, decoder) => decoder.DecodeInside(current));
}
