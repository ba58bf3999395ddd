using System.Text;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>Reads the lines of a vocabulary, whose order gives the ids.</summary>
internal static class TextLines
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The lines without their ends; white space inside them stays, and an empty line is one.</summary>
    /// <exception cref="TokenizerFormatException">The file is not UTF-8, or has too many lines.</exception>
    public static List<string> Read(string path)
    {
        string text;
        try
        {
            text = Strict.GetString(File.ReadAllBytes(path));
        }
        catch (DecoderFallbackException exception)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{path}' is not UTF-8: {exception.Message} Download it again.", path, exception);
        }

        List<string> lines = [];
        var rest = text.AsSpan().TrimStart('\uFEFF');
        while (rest.Length > 0)
        {
            var end = rest.IndexOf('\n');
            var line = end < 0 ? rest : rest[..end];
            lines.Add((line.EndsWith('\r') ? line[..^1] : line).ToString());
            rest = end < 0 ? [] : rest[(end + 1)..];
            if (lines.Count > VocabularyReader.MaximumId)
            {
                throw new TokenizerFormatException(
                    $"Tokenizer '{path}' has more than {VocabularyReader.MaximumId} lines.", path);
            }
        }

        return lines;
    }
}
