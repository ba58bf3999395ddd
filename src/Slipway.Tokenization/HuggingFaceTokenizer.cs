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

    private readonly TextNormalizer? _normalizer;
    private readonly TextSplitter? _splitter;
    private readonly TokenModel _model;
    private readonly SpecialTokenTemplate _template;
    private readonly TokenDecoder? _decoder;
    private readonly AddedTokenMatcher _rawMatcher, _normalizedMatcher;
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens;
    private readonly HashSet<int> _special, _added;
    private readonly byte[]?[] _bytes;

    private HuggingFaceTokenizer(Section root)
    {
        _model = TokenModel.Parse(root["model"]);
        _normalizer = root["normalizer"] is { IsNull: false } rewrite ? TextNormalizer.Parse(rewrite) : null;
        _splitter = root["pre_tokenizer"] is { IsNull: false } split ? TextSplitter.Parse(split) : null;
        _decoder = root["decoder"] is { IsNull: false } decode ? TokenDecoder.Parse(decode) : null;
        _template = root["post_processor"] is { IsNull: false } process
            ? SpecialTokenTemplate.Parse(process) : SpecialTokenTemplate.None;
        AddedToken[] addedTokens = root["added_tokens"] is { IsNull: false } list
            ? [.. list.Items().Select(AddedToken.Parse)] : [];

        _ids = new Dictionary<string, int>(_model.Vocabulary, StringComparer.Ordinal);
        foreach (var token in addedTokens)
        {
            _ids[token.Content] = token.Id;
        }

        _tokens = new string?[_ids.Count == 0 ? 0 : _ids.Values.Max() + 1];
        foreach (var (token, id) in _model.Vocabulary)
        {
            if (_tokens[id] is { } other)
            {
                throw root["model"].Error($"'model.vocab' gives the id {id} to both '{other}' and '{token}'.");
            }

            _tokens[id] = token;
        }

        foreach (var token in addedTokens)
        {
            _tokens[token.Id] = token.Content;
        }

        _special = [.. addedTokens.Where(token => token.Special).Select(token => token.Id)];
        _added = [.. addedTokens.Select(token => token.Id)];
        _rawMatcher = new AddedTokenMatcher(addedTokens.Where(token => !token.Normalized));
        _normalizedMatcher = new AddedTokenMatcher(addedTokens.Where(token => token.Normalized)
            .Select(token => token with { Content = _normalizer?.Normalize(token.Content) ?? token.Content }));
        _bytes = new byte[_tokens.Length][];
    }

    /// <summary>The highest token id + 1.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>Reads a <c>tokenizer.json</c>, or a SentencePiece <c>tokenizer.model</c>.</summary>
    /// <param name="path">The file, or a folder that holds one of these; the first wins.</param>
    /// <exception cref="TokenizerFormatException">The file is damaged or asks for something unknown.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static HuggingFaceTokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        var model = Directory.Exists(path) ? Path.Combine(path, SentencePieceName) : path;
        var isModel = model.EndsWith(".model", StringComparison.Ordinal) && File.Exists(model)
            && !(file != model && File.Exists(file));
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
    /// <param name="addSpecialTokens">Whether the post-processor's tokens (a BOS, for example) surround the
    /// result.</param>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> result = new((text.Length / 3) + 4);
        if (addSpecialTokens)
        {
            result.AddRange(_template.Before);
        }

        EncodePieces(text, result, null);
        if (addSpecialTokens)
        {
            result.AddRange(_template.After);
        }

        return [.. result];
    }

    /// <summary>Turns token ids into text.</summary>
    /// <param name="ids">Ids below <see cref="VocabularySize"/>; ids without a token stand for nothing.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var stream = CreateStreamDecoder(skipSpecialTokens);
        StringBuilder text = new(ids.Length * 4);
        foreach (var id in ids)
        {
            text.Append(stream.Append(id));
        }

        return text.Append(stream.Flush()).ToString();
    }

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    /// <param name="token">The token.</param>
    public int? TokenToId(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    /// <summary>The token of an id as the vocabulary writes it, or null.</summary>
    /// <param name="id">Any number.</param>
    public string? IdToToken(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>Whether an id is a special token's, which is not part of an answer's text.</summary>
    /// <param name="id">Any number.</param>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>The UTF-8 bytes that a token stands for inside a text; possibly a part of a character.</summary>
    /// <param name="id">Any number; empty where it has no token.</param>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        if (IdToToken(id) is not { } token)
        {
            return default;
        }

        return _bytes[id] ??= _decoder is { UsesBytes: true } ? ByteAlphabet.Decode(token)
            : _added.Contains(id) ? Encoding.UTF8.GetBytes(token)
            : TokenDecoder.ByteOf(token) is >= 0 and var value && _decoder is not null ? [(byte)value]
            : Encoding.UTF8.GetBytes(_decoder?.DecodeInside(token) ?? token);
    }

    /// <summary>Starts turning ids into text one at a time.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public TokenStreamDecoder CreateStreamDecoder(bool skipSpecialTokens) =>
        new(this, skipSpecialTokens, _decoder?.Start() ?? new JoiningStage());

    private static HuggingFaceTokenizer Read(ReadOnlyMemory<byte> json, string source)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json["\uFEFF"u8.Length..];
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return new HuggingFaceTokenizer(new Section(document.RootElement, string.Empty, source));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{source}' is not valid JSON: {exception.Message} Download or export it again.", source,
                exception);
        }
    }

    private void EncodePieces(string text, List<int> result, List<EncodedToken>? offsets)
    {
        var normalizedLength = 0;
        foreach (var (start, end, id) in _rawMatcher.Split(text))
        {
            var part = text[start..end];
            if (id >= 0)
            {
                AddToken(id, part, normalizedLength, result, offsets);
                normalizedLength += part.Length;
                continue;
            }

            var normalized = _normalizer?.Normalize(part) ?? part;
            foreach (var (from, to, innerId) in _normalizedMatcher.Split(normalized))
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
        if (_splitter is null)
        {
            pieces.Add(whole);
        }
        else
        {
            _splitter.Split(whole, pieces);
        }

        var usesBytes = _splitter is { UsesBytes: true };
        foreach (var piece in pieces)
        {
            var first = result.Count;
            _model.Encode(usesBytes ? ByteAlphabet.Encode(piece.Text) : piece.Text, result);
            if (offsets is not null)
            {
                AddOffsets(piece, result[first..], offsets);
            }
        }
    }
}
