using Slipway.Engine.Execution;

namespace Slipway.Engine.Cache;

/// <summary>
/// Keeps the last tokens of full slots that run along in a batch, and puts them back at its disposal.
/// </summary>
/// <remarks>
/// What an inactive slot writes lies beyond its end. Where that would evict tokens of a window, the run writes over the
/// slot's last token instead.
/// </remarks>
internal sealed class LastTokenBackup(DecoderGraph graph, KeyValueCache cache) : IDisposable
{
    private readonly List<(int Slot, int Length, NativeBuffer? Growing, NativeBuffer Window)> _kept = [];

    /// <summary>Keeps a slot's last token where its next one would evict others; false where none would be.</summary>
    public bool TryAdd(int slot, int length)
    {
        if (length == 0 || graph.Window is not { } window || window.FullAt(length) != length)
        {
            return false;
        }

        var growing = graph.Size.TokenBytes > 0 ? new NativeBuffer(graph.Size.TokenBytes) : null;
        _kept.Add((slot, length, growing, new NativeBuffer(graph.Size.WindowTokenBytes)));
        Copy(_kept[^1], read: true);
        return true;
    }

    public void Dispose()
    {
        foreach (var token in _kept)
        {
            Copy(token, read: false);
            token.Growing?.Dispose();
            token.Window.Dispose();
        }
    }

    private void Copy((int Slot, int Length, NativeBuffer? Growing, NativeBuffer Window) token, bool read)
    {
        cache.CopyTokens(token.Slot, token.Length - 1, 1, token.Window, read, window: true, token.Length);
        if (token.Growing is { } growing)
        {
            cache.CopyTokens(token.Slot, token.Length - 1, 1, growing, read);
        }
    }
}
