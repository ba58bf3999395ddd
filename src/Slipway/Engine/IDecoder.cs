namespace Slipway.Engine;

/// <summary>Runs a decoder over rows of a key-value cache of its own.</summary>
/// <remarks>Everything but <see cref="Terminate"/> belongs to one thread.</remarks>
internal interface IDecoder : IDisposable
{
    /// <summary>Rows of the cache.</summary>
    int Rows { get; }

    /// <summary>Tokens that each row has room for.</summary>
    int Capacity { get; }

    /// <summary>The most prompt tokens of one run of which only the last position's logits are wanted.</summary>
    int MaxChunk { get; }

    /// <summary>The most prompt tokens of one run whose logits are all wanted.</summary>
    int MaxScoredChunk { get; }

    /// <summary>The longest sequence that has the first of two sets of rotary frequencies.</summary>
    int LongRopeThreshold => int.MaxValue;

    /// <summary>Whether a row can go on from an earlier token, because no layer carries a state.</summary>
    bool CanEvictTokens => true;

    /// <summary>
    /// Whether a run of a prompt offers a break between kernels (<see cref="Kernels.Threading.KernelYield"/>) in which
    /// other rows can run.
    /// </summary>
    bool CanInterrupt => false;

    /// <summary>Bytes of a cache of this size.</summary>
    long BytesFor(int rows, int capacity);

    /// <summary>Bytes of a token in the layers that keep all of them.</summary>
    long GrowingTokenBytes => BytesFor(1, 1);

    /// <summary>Bytes of a token in the layers that keep those of a window only.</summary>
    long WindowTokenBytes => 0;

    /// <summary>The first token that the layers with a window keep in a row of a length; it never falls.</summary>
    int WindowStart(int length) => 0;

    /// <summary>The first token that they have now in a row; beyond all where that is not known.</summary>
    int FirstHeld(int row) => 0;

    /// <summary>The most tokens of a run beyond its first that a row of a length can drop again.</summary>
    int MaxDraft(int length) => int.MaxValue;

    /// <summary>Gives the cache another size, none included, and keeps each row's first tokens.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; the cache is empty then and has no rows.</exception>
    void Resize(int rows, int capacity, ReadOnlySpan<int> lengths);

    /// <summary>Copies a row's first tokens over another row's.</summary>
    void CopyRow(int from, int to, int length);

    /// <summary>Copies keys and values of a row's consecutive tokens out, of layers that keep all tokens.</summary>
    void ReadTokens(int row, int start, int count, NativeBuffer destination);

    /// <summary>Copies keys and values that <see cref="ReadTokens"/> gave into a row.</summary>
    void WriteTokens(int row, int start, int count, NativeBuffer source);

    /// <summary>Copies keys and values of a row's consecutive tokens out, of layers with a window.</summary>
    void ReadWindow(int row, int start, int count, NativeBuffer destination)
    {
    }

    /// <summary>Copies keys and values that <see cref="ReadWindow"/> gave into a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="length">Tokens that the row holds once all of its window are written.</param>
    /// <param name="start">The first token.</param>
    /// <param name="count">Tokens; those that give way in a row of the length are left out.</param>
    /// <param name="source">What was read.</param>
    void WriteWindow(int row, int length, int start, int count, NativeBuffer source)
    {
    }

    /// <summary>Tells how long the sequence will be whose prompt's chunk runs next.</summary>
    void Plan(int length)
    {
    }

    /// <summary>
    /// Tells whether the tokens of the next prefill belong to a prompt, whose run may be interrupted.
    /// </summary>
    void BeginChunk(bool isPrompt)
    {
    }

    /// <summary>Tells which adapter each row of the next runs uses; 0 for none.</summary>
    void Adapt(ReadOnlySpan<int> ids);

    /// <summary>Runs a chunk of a prompt on a row and returns its logits, valid until the next run.</summary>
    /// <param name="row">The row.</param>
    /// <param name="start">Tokens that the row holds already.</param>
    /// <param name="tokens">The chunk.</param>
    /// <param name="every">Whether logits of every position are wanted, or of the last one only.</param>
    /// <returns>[kept positions, vocabulary]</returns>
    ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every);

    /// <summary>Runs one token on each of the first rows and returns their logits, valid until the next run.</summary>
    /// <param name="tokens">A token for each row; negative for a row that only runs along and keeps its state.</param>
    /// <param name="lengths">Tokens that each row holds already.</param>
    /// <returns>[rows, vocabulary]</returns>
    ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths);

    /// <summary>Asks the run in progress to end, or lets later ones go on; safe from any thread.</summary>
    void Terminate(bool terminate);
}
