using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Slipway.Tokenization.Decoders;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Models;
using Slipway.Tokenization.Normalizers;
using Slipway.Tokenization.PostProcessors;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization;

/// <summary>A tokenizer as a <c>tokenizer.json</c> of Hugging Face's tokenizers describes it.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. Text goes through added tokens, normalizer, pre-tokenizer, model and
/// post-processor, in this order. The members inherited from <see cref="Tokenizer"/> never add special tokens.
/// </remarks>
public sealed partial class HuggingFaceTokenizer : Tokenizer
{
    private const string FileName = "tokenizer.json", SentencePieceName = "tokenizer.model";

    private readonly TextNormalizer? normalizer;
    private readonly TextSplitter? splitter;
    private readonly TokenModel model;
    private readonly SpecialTokenTemplate template;
    private readonly TokenDecoder? decoder;
    private readonly AddedTokenMatcher rawMatcher, normalizedMatcher;
    private readonly Dictionary<string, int> ids;
    private readonly string?[] tokens;
    private readonly HashSet<int> special, added;
    private readonly byte[]?[] bytes;

    private HuggingFaceTokenizer(Section root)
    {
        model = TokenModel.Parse(root["model"]);
        normalizer = root["normalizer"] is { IsNull: false } rewrite ? TextNormalizer.Parse(rewrite) : null;
        splitter = root["pre_tokenizer"] is { IsNull: false } split ? TextSplitter.Parse(split) : null;
        decoder = root["decoder"] is { IsNull: false } decode ? TokenDecoder.Parse(decode) : null;
        template = root["post_processor"] is { IsNull: false } process
            ? SpecialTokenTemplate.Parse(process) : SpecialTokenTemplate.None;
        AddedToken[] addedTokens = root["added_tokens"] is { IsNull: false } list
            ? [.. list.Items().Select(AddedToken.Parse)] : [];

        ids = new Dictionary<string, int>(model.Vocabulary, StringComparer.Ordinal);
        foreach (AddedToken token in addedTokens)
        {
            ids[token.Content] = token.Id;
        }

        tokens = new string?[ids.Count == 0 ? 0 : ids.Values.Max() + 1];
        foreach ((string token, int id) in model.Vocabulary)
        {
            if (tokens[id] is { } other)
            {
                throw root["model"].Error($"'model.vocab' gives the id {id} to both '{other}' and '{token}'.");
            }

            tokens[id] = token;
        }

        foreach (AddedToken token in addedTokens)
        {
            tokens[token.Id] = token.Content;
        }

        special = [.. addedTokens.Where(token => token.Special).Select(token => token.Id)];
        added = [.. addedTokens.Select(token => token.Id)];
        rawMatcher = new AddedTokenMatcher(addedTokens.Where(token => !token.Normalized));
        normalizedMatcher = new AddedTokenMatcher(addedTokens.Where(token => token.Normalized)
            .Select(token => token with { Content = normalizer?.Normalize(token.Content) ?? token.Content }));
        bytes = new byte[tokens.Length][];
    }

    /// <summary>The highest token id + 1.</summary>
    public int VocabularySize => tokens.Length;

    /// <summary>Reads a <c>tokenizer.json</c>, or a SentencePiece <c>tokenizer.model</c>.</summary>
    /// <param name="path">The file, or a folder that holds one of these; the first wins.</param>
    /// <exception cref="TokenizerFormatException">The file is damaged or asks for something unknown.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static HuggingFaceTokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        string model = Directory.Exists(path) ? Path.Combine(path, SentencePieceName) : path;
        bool isModel = model.EndsWith(".model", StringComparison.Ordinal) && File.Exists(model) && !(file != model && File.Exists(file));
        return isModel
            ? Parse(SentencePieceFile.ToJson(File.ReadAllBytes(model), model), model)
            : Read(File.ReadAllBytes(file), file);
    }

    /// <summary>Reads the contents of a <c>tokenizer.json</c>.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <param name="source">What errors call the file.</param>
    /// <exception cref="TokenizerFormatException">The contents are damaged or ask for something unknown.</exception>
    public static HuggingFaceTokenizer Parse(ReadOnlySpan<byte> json, string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Read(json.ToArray(), source);
    }

    /// <summary>Turns text into token ids.</summary>
    /// <param name="text">Any text; special tokens written in it are recognised.</param>
    /// <param name="addSpecialTokens">Whether the post-processor's tokens (a BOS, for example) surround the result.</param>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> result = new((text.Length / 3) + 4);
        if (addSpecialTokens)
        {
            result.AddRange(template.Before);
        }

        EncodePieces(text, result, null);
        if (addSpecialTokens)
        {
            result.AddRange(template.After);
        }

        return [.. result];
    }

    /// <summary>Turns token ids into text.</summary>
    /// <param name="ids">Ids below <see cref="VocabularySize"/>; ids without a token stand for nothing.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        TokenStreamDecoder stream = CreateStreamDecoder(skipSpecialTokens);
        StringBuilder text = new(ids.Length * 4);
        foreach (int id in ids)
        {
            text.Append(stream.Append(id));
        }

        return text.Append(stream.Flush()).ToString();
    }

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    /// <param name="token">The token.</param>
    public int? TokenToId(string token) => ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>The token of an id as the vocabulary writes it, or null.</summary>
    /// <param name="id">Any number.</param>
    public string? IdToToken(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    /// <summary>Whether an id is a special token's, which is not part of an answer's text.</summary>
    /// <param name="id">Any number.</param>
    public bool IsSpecial(int id) => special.Contains(id);

    /// <summary>The UTF-8 bytes that a token stands for inside a text; possibly a part of a character.</summary>
    /// <param name="id">Any number; empty where it has no token.</param>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        if (IdToToken(id) is not { } token)
        {
            return default;
        }

        return bytes[id] ??= decoder is { UsesBytes: true } ? ByteAlphabet.Decode(token)
            : added.Contains(id) ? Encoding.UTF8.GetBytes(token)
            : TokenDecoder.ByteOf(token) is >= 0 and var value && decoder is not null ? [(byte)value]
            : Encoding.UTF8.GetBytes(decoder?.DecodeInside(token) ?? token);
    }

    /// <summary>Starts turning ids into text one at a time.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public TokenStreamDecoder CreateStreamDecoder(bool skipSpecialTokens) =>
        new(this, skipSpecialTokens, decoder?.Start() ?? new JoiningStage());

    private static HuggingFaceTokenizer Read(ReadOnlyMemory<byte> json, string source)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json["\uFEFF"u8.Length..];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return new HuggingFaceTokenizer(new Section(document.RootElement, string.Empty, source));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{source}' is not valid JSON: {exception.Message} Download or export it again.", source, exception);
        }
    }

    private void EncodePieces(string text, List<int> result, List<EncodedToken>? offsets)
    {
        int normalizedLength = 0;
        foreach ((int start, int end, int id) in rawMatcher.Split(text))
        {
            string part = text[start..end];
            if (id >= 0)
            {
                AddToken(id, part, normalizedLength, result, offsets);
                normalizedLength += part.Length;
                continue;
            }

            string normalized = normalizer?.Normalize(part) ?? part;
            foreach ((int from, int to, int innerId) in normalizedMatcher.Split(normalized))
            {
                if (innerId >= 0)
                {
                    AddToken(innerId, normalized[from..to], normalizedLength + from, result, offsets);
                }
                else
                {
                    EncodeSegment(normalized[from..to], normalizedLength + from, result, offsets);
                }
            }

            normalizedLength += normalized.Length;
        }
    }

    private static void AddToken(int id, string text, int start, List<int> result, List<EncodedToken>? offsets)
    {
        result.Add(id);
        offsets?.Add(new EncodedToken(id, text, start..(start + text.Length)));
    }

    private void EncodeSegment(string segment, int start, List<int> result, List<EncodedToken>? offsets)
    {
        List<Piece> pieces = [];
        Piece whole = new(segment, start);
        if (splitter is null)
        {
            pieces.Add(whole);
        }
        else
        {
            splitter.Split(whole, pieces);
        }

        bool usesBytes = splitter is { UsesBytes: true };
        foreach (Piece piece in pieces)
        {
            int first = result.Count;
            model.Encode(usesBytes ? ByteAlphabet.Encode(piece.Text) : piece.Text, result);
            if (offsets is not null)
            {
                AddOffsets(piece, result[first..], offsets);
            }
        }
    }
}
