using Slipway.Engine;

namespace Slipway.Tests.Engine;

/// <summary>
/// A decoder whose logits are a function of the tokens that its row holds: exact in every batch and chunk.
/// </summary>
/// <param name="inner">The decoder that it stands for; only disposed.</param>
/// <param name="script">Fills the logits that follow the tokens.</param>
internal sealed class ScriptedDecoder(IDecoder inner, ScriptedDecoder.Script script) : IDecoder
{
    public const int Vocabulary = 256;

    /// <summary>What a token of the package 'llama-int4' takes.</summary>
    public const int TokenBytes = 3 * 2 * 2 * 16 * 4;

    private readonly Dictionary<int, bool> _beyondSwitch = [];
    private int _planned;
    private int[][] _cells = [];
    private float[] _logits = [];

    public delegate void Script(ReadOnlySpan<int> tokens, Span<float> logits);

    /// <summary>Runs so far, of prompts and of steps.</summary>
    public int Runs { get; private set; }

    public int Rows => _cells.Length;

    public int Capacity { get; private set; }

    public int MaxChunk => 64;

    public int MaxScoredChunk => 48;

    public bool CanEvictTokens { get; init; } = true;

    public int RotarySwitch { get; init; } = int.MaxValue;

    public long BytesFor(int rows, int capacity) => (long)rows * capacity * TokenBytes;

    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        var resized = new int[rows][];
        for (var row = 0; row < rows; row++)
        {
            resized[row] = new int[capacity];
            if (row < Math.Min(_cells.Length, lengths.Length))
            {
                _cells[row].AsSpan(0, lengths[row]).CopyTo(resized[row]);
            }
        }

        (_cells, Capacity) = (resized, capacity);
    }

    public void CopyRow(int from, int to, int length)
    {
        _cells[from].AsSpan(0, length).CopyTo(_cells[to]);
        _beyondSwitch[to] = _beyondSwitch.GetValueOrDefault(from);
    }

    public void Plan(int length) => _planned = length;

    public void ReadTokens(int row, int start, int count, NativeBuffer destination)
        => _cells[row].AsSpan(start, count).CopyTo(destination.AsSpan<int>(0, count));

    public void WriteTokens(int row, int start, int count, NativeBuffer source)
    {
        // What is kept was computed with the first frequencies.
        _beyondSwitch[row] = false;
        source.AsSpan<int>(0, count).CopyTo(_cells[row].AsSpan(start));
    }

    public void Adapt(ReadOnlySpan<int> ids)
    {
    }

    public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
    {
        Runs++;
        if (start == 0)
        {
            _beyondSwitch[row] = _planned > RotarySwitch;
        }

        CheckFrequencies(row, Math.Max(_planned, start + tokens.Length));
        tokens.CopyTo(_cells[row].AsSpan(start));
        var kept = every ? tokens.Length : 1;
        Reserve(kept);
        for (var i = 0; i < kept; i++)
        {
            Write(row, start + tokens.Length - kept + i + 1, i);
        }

        return _logits.AsSpan(0, kept * Vocabulary);
    }

    public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
    {
        Runs++;
        Reserve(tokens.Length);
        for (var row = 0; row < tokens.Length; row++)
        {
            // A row that runs along is written to like any other.
            _cells[row][lengths[row]] = tokens[row];
            Write(row, lengths[row] + 1, row);
            if (tokens[row] >= 0)
            {
                CheckFrequencies(row, lengths[row] + 1);
            }
        }

        return _logits.AsSpan(0, tokens.Length * Vocabulary);
    }

    public void Terminate(bool terminate)
    {
    }

    public void Dispose() => inner.Dispose();

    // The first set of frequencies is for sequences up to the switch, the second for longer ones.
    private void CheckFrequencies(int row, int length)
    {
        if (_beyondSwitch.GetValueOrDefault(row) != length > RotarySwitch)
        {
            throw new InvalidOperationException(
                $"A row of '{length}' tokens changes its frequencies at '{RotarySwitch}'.");
        }
    }

    private void Write(int row, int length, int index)
    {
        var target = _logits.AsSpan(index * Vocabulary, Vocabulary);
        target.Clear();
        if (_cells[row][length - 1] >= 0)
        {
            script(_cells[row].AsSpan(0, length), target);
        }
    }

    private void Reserve(int positions) => _logits = _logits.Length < positions * Vocabulary
        ? new float[positions * Vocabulary]
        : _logits;
}
