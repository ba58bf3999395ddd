namespace Slipway.Engine;

// The size of the cache, and what is copied between its rows and others' memory.
internal sealed partial class Decoder
{
    public void CopyRow(int from, int to, int length)
    {
        _cache.CopyRow(from, to, length);
        _states.CopyRow(from, to);
        _held[to] = length;
    }

    public void ReadTokens(int row, int start, int count, NativeBuffer destination)
        => _cache.CopyTokens(row, start, count, destination, read: true);

    public void WriteTokens(int row, int start, int count, NativeBuffer source)
        => _cache.CopyTokens(row, start, count, source, read: false);

    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        _promptTensors.ReleaseBindings();
        _answerTensors.ReleaseBindings();
        if (rows == 0)
        {
            _cache.Dispose();
            _states.Dispose();
            _promptTensors.Dispose();
            _answerTensors.Dispose();
            return;
        }

        try
        {
            _states.Resize(rows, Math.Min(Rows, lengths.Length));
            _cache.Resize(rows, capacity, lengths);
            _promptTensors.ResizeMask(1, capacity);
            _answerTensors.ResizeMask(rows, capacity);
            _reached = new int[rows];
            ResizeHeld(rows, lengths);
        }
        catch
        {
            // Without rows of the one the other has none either.
            _cache.Dispose();
            _states.Dispose();
            throw;
        }
    }
}
