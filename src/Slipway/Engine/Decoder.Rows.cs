namespace Slipway.Engine;

// The size of the cache, and what is copied between its rows and others' memory.
internal sealed partial class Decoder
{
    public void CopyRow(int from, int to, int length)
    {
        cache.CopyRow(from, to, length);
        states.CopyRow(from, to);
        held[to] = length;
    }

    public void ReadTokens(int row, int start, int count, NativeBuffer destination)
        => cache.CopyTokens(row, start, count, destination, read: true);

    public void WriteTokens(int row, int start, int count, NativeBuffer source)
        => cache.CopyTokens(row, start, count, source, read: false);

    public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
    {
        promptTensors.ReleaseBindings();
        answerTensors.ReleaseBindings();
        if (rows == 0)
        {
            cache.Dispose();
            states.Dispose();
            promptTensors.Dispose();
            answerTensors.Dispose();
            return;
        }

        try
        {
            states.Resize(rows, Math.Min(Rows, lengths.Length));
            cache.Resize(rows, capacity, lengths);
            promptTensors.ResizeMask(1, capacity);
            answerTensors.ResizeMask(rows, capacity);
            reached = new int[rows];
            ResizeHeld(rows, lengths);
        }
        catch
        {
            // Without rows of the one the other has none either.
            cache.Dispose();
            states.Dispose();
            throw;
        }
    }
}
