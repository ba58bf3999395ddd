using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Tokenizers;
using Slipway.Tokenization.Decoders;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Files.Formats;
using Slipway.Tokenization.Models;
using Slipway.Tokenization.Normalizers;
using Slipway.Tokenization.PostProcessors;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization;

/// <summary>
/// A tokenizer as a <c>tokenizer.json</c> of Hugging Face's tokenizers describes it, or a file of another form.
/// </summary>
/// <remarks>
/// Immutable and safe for concurrent use. Text goes through added tokens, normalizer, pre-tokenizer, model and
/// post-processor, in this order. The members inherited from <see cref="Tokenizer"/> never add special tokens.
/// </remarks>
public sealed class HuggingFaceTokenizer : Tokenizer
{
    private readonly TextEncoder _encoder;
    private readonly SpecialTokenTemplate _template;
    private readonly PairTemplate _pair;
    private readonly DecoderSequence? _decoder;
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens, _parts;
    private readonly HashSet<int> _added;
    private readonly bool[] _special;
    private readonly byte[]?[] _bytes;

    private HuggingFaceTokenizer(Section root, AddedToken[] beside)
    {
        var model = TokenModel.Parse(root["model"]);
        var normalizer = root["normalizer"] is { IsNull: false } rewrite ? TextNormalizer.Parse(rewrite) : null;
        var splitter = root["pre_tokenizer"] is { IsNull: false } split ? TextSplitter.Parse(split) : null;
        _decoder = root["decoder"] is { IsNull: false } decode
            ? DecoderSequence.Of([TokenDecoder.Parse(decode)]) : null;
        _template = root["post_processor"] is { IsNull: false } process
            ? SpecialTokenTemplate.Parse(process) : SpecialTokenTemplate.None;
        _pair = root["post_processor"] is { IsNull: false } pair ? PairTemplate.Parse(pair) : PairTemplate.Plain;
        AddedToken[] addedTokens = root["added_tokens"] is { IsNull: false } list
            ? [.. list.Items().Select(AddedToken.Parse)] : [];

        _ids = new Dictionary<string, int>(model.Vocabulary, StringComparer.Ordinal);
        foreach (var token in addedTokens)
        {
            _ids[token.Content] = token.Id;
        }

        // The tokenizer's own tokens and ids win over those of the file beside it.
        HashSet<int> taken = [.. _ids.Values];
        AddedToken[] more = [.. beside.Where(token =>
            _ids.TryGetValue(token.Content, out var own) ? own == token.Id : taken.Add(token.Id))];
        addedTokens = [
            .. addedTokens, .. more.Where(token => !addedTokens.Any(other => other.Content == token.Content))];
        foreach (var token in more)
        {
            _ids[token.Content] = token.Id;
        }

        _tokens = new string?[_ids.Count == 0 ? 0 : _ids.Values.Max() + 1];
        foreach (var (token, id) in model.Vocabulary)
        {
            if (_tokens[id] is { } other)
            {
                throw root["model"].Error(
                    $"'model.vocab' gives the id {id} to both '{Quoted.Short(other)}' and '{Quoted.Short(token)}'.");
            }

            _tokens[id] = token;
        }

        foreach (var token in addedTokens)
        {
            _tokens[token.Id] = token.Content;
        }

        _special = new bool[_tokens.Length];
        foreach (var token in addedTokens.Where(token => token.Special))
        {
            _special[token.Id] = true;
        }

        _added = [.. addedTokens.Select(token => token.Id)];
        _encoder = new TextEncoder(normalizer, splitter, model, addedTokens, _tokens);
        _bytes = new byte[_tokens.Length][];
        _parts = new string?[_tokens.Length];
    }

    /// <summary>The highest token id + 1.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>The tokens that are looked for in texts.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens => _encoder.AddedTokens;

    /// <summary>Gets what was presumed where the files do not say, a sentence each, with its remedy.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Reads a tokenizer from a file of any form, or from the folder that holds one.</summary>
    /// <remarks>
    /// The forms, in the order in which a folder is searched: <c>tokenizer.json</c>; Mistral's <c>tekken.json</c>; a
    /// SentencePiece model, BPE or unigram (<c>tokenizer.model</c>, <c>spiece.model</c>,
    /// <c>sentencepiece.bpe.model</c>); ranks of tiktoken (<c>*.tiktoken</c>, <c>tiktoken.model</c> or
    /// <c>tokenizer.model</c>); <c>vocab.json</c> with <c>merges.txt</c>; BERT's <c>vocab.txt</c>. All but the first
    /// leave the rest to <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> beside them. Tokens of an
    /// <c>added_tokens.json</c> are taken over where the tokenizer lacks them.
    /// </remarks>
    /// <param name="path">The file or the folder.</param>
    /// <exception cref="TokenizerFormatException">A file is damaged or asks for something unknown.</exception>
    /// <exception cref="IOException">No file is there, or it cannot be read.</exception>
    public static HuggingFaceTokenizer Load(string path)
    {
        var (file, format) = Find(path);
        var folder = TokenizerFormats.Folder(file);
        List<string> warnings = [];
        if (format == TokenizerFormats.Json)
        {
            return Read(File.ReadAllBytes(file), file, AddedTokensFile.Read(folder), warnings);
        }

        var settings = TokenizerSettings.Read(folder);
        var beside = settings.AddedTokens.Concat(AddedTokensFile.Read(folder)).DistinctBy(token => token.Content);
        return Read(format.Read(file, settings, warnings), file, [.. beside], warnings);
    }

    /// <summary>Rewrites a tokenizer of any form as the contents of one <c>tokenizer.json</c>.</summary>
    /// <remarks>
    /// What <see cref="Parse"/> makes of them equals what <see cref="Load"/> makes of the files. They may name types of
    /// this library's own, which stand for what SentencePiece and tiktoken do.
    /// </remarks>
    /// <param name="path">The file or the folder, as for <see cref="Load"/>.</param>
    /// <param name="warnings">Receives what was presumed where the files do not say.</param>
    /// <returns>UTF-8; a <c>tokenizer.json</c> as it is.</returns>
    /// <exception cref="TokenizerFormatException">A file is damaged or asks for something unknown.</exception>
    /// <exception cref="IOException">No file is there, or it cannot be read.</exception>
    public static byte[] ToJson(string path, out IReadOnlyList<string> warnings)
    {
        var (file, format) = Find(path);
        if (format == TokenizerFormats.Json)
        {
            warnings = [];
            return File.ReadAllBytes(file);
        }

        var tokenizer = Load(file);
        warnings = tokenizer.Warnings;
        var json = JsonNode.Parse(format.Read(file, TokenizerSettings.Read(TokenizerFormats.Folder(file)), []))!;
        json["added_tokens"] = new JsonArray([.. tokenizer.AddedTokens.Select(token => token.ToJson())]);
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static (string File, TokenizerFormat Format) Find(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return TokenizerFormats.Find(path) ?? (!Directory.Exists(path) ? (path, TokenizerFormats.Json)
            : throw new FileNotFoundException(
                $"'{path}' holds no tokenizer; expected one of {TokenizerFormats.Names}.", path));
    }

    /// <summary>Gets the names of the files that <see cref="Load"/> finds in a folder, as messages list them.</summary>
    public static string FileNames => TokenizerFormats.Names;

    /// <summary>Tells whether a tokenizer of a form that <see cref="Load"/> knows lies at a path.</summary>
    /// <param name="path">A file or a folder.</param>
    public static bool Exists(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return TokenizerFormats.Find(path) is not null;
    }

    /// <summary>Reads the contents of a <c>tokenizer.json</c>.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <param name="source">What errors call the file.</param>
    /// <exception cref="TokenizerFormatException">The contents are damaged or ask for something unknown.</exception>
    public static HuggingFaceTokenizer Parse(ReadOnlySpan<byte> json, string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Read(json.ToArray(), source, [], []);
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

        _encoder.Encode(text, result, null);
        if (addSpecialTokens)
        {
            result.AddRange(_template.After);
        }

        return [.. result];
    }

    /// <summary>Turns text into token ids, no control token across a barrier.</summary>
    internal int[] Encode(string text, TokenGuard guard, ReadOnlySpan<int> barriers)
    {
        List<int> result = new((text.Length / 3) + 4);
        _encoder.Encode(text, result, null, barriers.Length == 0 ? null : guard, barriers);
        return [.. result];
    }

    /// <summary>Turns two texts into the ids and types of one sequence, as the post-processor joins them.</summary>
    /// <param name="first">The first text, such as a question.</param>
    /// <param name="second">The second text, such as a passage.</param>
    /// <param name="maxTokens">
    /// The most tokens, special ones included; the longer text is cut off to fit, both where both are long.
    /// </param>
    /// <returns>The ids and the type of each, 0 or 1 as the model was trained.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The special tokens alone do not fit.</exception>
    public (int[] Ids, int[] Types) EncodePair(string first, string second, int maxTokens = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, _pair.SpecialTokens);
        var texts = new[] { Encode(first, addSpecialTokens: false), Encode(second, addSpecialTokens: false) };
        var lengths = PairLengths(texts[0].Length, texts[1].Length, maxTokens - _pair.SpecialTokens);
        List<int> ids = [], types = [];
        foreach (var piece in _pair.Pieces)
        {
            ids.AddRange(piece.Text is { } text ? texts[text].AsSpan(0, lengths[text]) : [piece.Id]);
            types.AddRange(Enumerable.Repeat(piece.Type, ids.Count - types.Count));
        }

        return ([.. ids], [.. types]);
    }

    // As the tokenizers library cuts the longest first.
    private static int[] PairLengths(int first, int second, int max)
    {
        if (first <= max - second)
        {
            return [first, second];
        }

        var (shorter, longer) = (Math.Min(first, second), Math.Max(first, second));
        longer = Math.Max(shorter, max - Math.Min(shorter, max));
        if (shorter + (long)longer > max)
        {
            (shorter, longer) = (max / 2, (max / 2) + (max % 2));
        }

        return first > second ? [longer, shorter] : [shorter, longer];
    }

    /// <summary>Turns token ids into text.</summary>
    /// <param name="ids">Ids below <see cref="VocabularySize"/>; ids without a token stand for nothing.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var stream = CreateStreamDecoder(skipSpecialTokens);
        foreach (var id in ids)
        {
            stream.Take(id);
        }

        return stream.Flush();
    }

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    /// <param name="token">The token.</param>
    public int? TokenToId(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    /// <summary>The token of an id as the vocabulary writes it, or null.</summary>
    /// <param name="id">Any number.</param>
    public string? IdToToken(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>True for the id of a special token, which is not part of an answer's text.</summary>
    /// <param name="id">Any number.</param>
    public bool IsSpecial(int id) => (uint)id < (uint)_special.Length && _special[id];

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
    public TokenStreamDecoder CreateStreamDecoder(bool skipSpecialTokens) => new(this, skipSpecialTokens);

    /// <summary>Makes what keeps control tokens from being found where a text only spells them.</summary>
    internal TokenGuard Guard(IReadOnlyCollection<AddedToken> control) => _encoder.Guard(control);

    /// <summary>Begins a text of <see cref="DecodedPart"/>s.</summary>
    internal DecoderStage StartDecoding(DecoderStage next) => _decoder?.StartPrepared(next) ?? new JoiningStage(next);

    /// <summary>A token as far as it can be decoded without those around it; null for an id without one.</summary>
    internal string? DecodedPart(int id) =>
        IdToToken(id) is { } token ? _parts[id] ??= _decoder?.Prepare(token) ?? token : null;

    private static HuggingFaceTokenizer Read(
        ReadOnlyMemory<byte> json, string source, AddedToken[] beside, List<string> warnings)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json["\uFEFF"u8.Length..];
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return new HuggingFaceTokenizer(new Section(document.RootElement, string.Empty, source), beside)
            {
                Warnings = warnings,
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{source}' is not valid JSON: {exception.Message} Download or export it again.", source,
                exception);
        }
    }

    /// <summary>Decodes as many ids as fit.</summary>
    /// <param name="ids">Token ids; special tokens are kept.</param>
    /// <param name="destination">Receives the text.</param>
    /// <param name="idsConsumed">How many ids the text stands for.</param>
    /// <param name="charsWritten">How much text was written.</param>
    public override OperationStatus Decode(
        IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        (idsConsumed, charsWritten) = (0, 0);
        int[] all = [.. ids];
        var stream = CreateStreamDecoder(skipSpecialTokens: false);
        for (var i = 0; i < all.Length; i++)
        {
            var text = stream.Append(all[i]) + (i == all.Length - 1 ? stream.Flush() : string.Empty);
            if (!text.AsSpan().TryCopyTo(destination[charsWritten..]))
            {
                return OperationStatus.DestinationTooSmall;
            }

            charsWritten += text.Length;
            idsConsumed = i + 1;
        }

        return OperationStatus.Done;
    }

    /// <summary>Decodes ids; special tokens are kept.</summary>
    /// <param name="ids">Token ids.</param>
    public override string Decode(IEnumerable<int> ids) => Decode([.. ids], skipSpecialTokens: false);

    /// <inheritdoc/>
    /// <remarks>
    /// Offsets count characters of the normalized text, which the methods that call this one return; where there is no
    /// normalizer that is the text itself.
    /// </remarks>
    protected override EncodeResults<EncodedToken> EncodeToTokens(
        string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var source = text ?? textSpan.ToString();
        List<EncodedToken> result = [];
        _encoder.Encode(source, [], result);
        var whole = result.Count <= settings.MaxTokenCount;
        var kept = whole ? result : result[..settings.MaxTokenCount];
        return new EncodeResults<EncodedToken>
        {
            Tokens = kept,
            NormalizedText = _encoder.Normalize(source),
            CharsConsumed = whole ? source.Length : kept.Count == 0 ? 0 : kept[^1].Offset.End.Value,
        };
    }
}
