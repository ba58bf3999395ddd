using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a 64-bit little-endian ELF library and, where the machine's own copy of the needed library lacks the asked
/// symbol version, marks that one version need weak, so that the loader no longer refuses the copy.
/// </summary>
public sealed class WeakenSymbolVersion : Task
{
    private const uint SectionVersionNeed = 0x6ffffffe;   // SHT_GNU_verneed
    private const ushort Weak = 0x2;                      // VER_FLG_WEAK

    [Required] public string Source { get; set; } = "";

    [Required] public string Copy { get; set; } = "";

    [Required] public string Library { get; set; } = "";

    [Required] public string Version { get; set; } = "";

    /// <summary>Marks it even where this machine has the version.</summary>
    public bool Always { get; set; }

    public override bool Execute()
    {
        var bytes = File.ReadAllBytes(Source);
        try
        {
            if ((Always || !MachineHasVersion()) && Mark(bytes))
            {
                Log.LogMessage(
                    MessageImportance.High,
                    "'{0}': the need of {1} is marked weak in the copy, as the {2} of Debian 12 and older lacks it.",
                    Path.GetFileName(Source), Version, Library);
            }
        }
        catch (Exception exception) when (exception is ArgumentException || exception is IndexOutOfRangeException)
        {
            Log.LogError("'{0}' is not a whole 64-bit ELF library. Clear the package cache and restore again.", Source);
            return false;
        }

        // A new file in place of the old: an output folder may hold hard links to it.
        var temporary = Copy + ".tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Copy)));
        File.WriteAllBytes(temporary, bytes);
        File.Delete(Copy);
        File.Move(temporary, Copy);
        return true;
    }

    private bool MachineHasVersion()
    {
        var wanted = Encoding.ASCII.GetBytes(Version + "\0");
        foreach (var folder in new[]
        {
            "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib",
        })
        {
            var path = Path.Combine(folder, Library);
            if (File.Exists(path))
            {
                return Contains(File.ReadAllBytes(path), wanted);
            }
        }

        return false;
    }

    private static bool Contains(byte[] bytes, byte[] wanted)
    {
        for (var at = Array.IndexOf(bytes, wanted[0]); at >= 0; at = Array.IndexOf(bytes, wanted[0], at + 1))
        {
            var length = 0;
            while (length < wanted.Length && at + length < bytes.Length && bytes[at + length] == wanted[length])
            {
                length++;
            }

            if (length == wanted.Length)
            {
                return true;
            }
        }

        return false;
    }

    private bool Mark(byte[] bytes)
    {
        if (BitConverter.ToUInt32(bytes, 0) != 0x464c457f || bytes[4] != 2 || bytes[5] != 1)
        {
            throw new ArgumentException("not ELF64, little-endian");
        }

        var sections = checked((int)BitConverter.ToUInt64(bytes, 0x28));
        var sectionSize = BitConverter.ToUInt16(bytes, 0x3a);
        var sectionCount = BitConverter.ToUInt16(bytes, 0x3c);
        for (var index = 0; index < sectionCount; index++)
        {
            var section = sections + (index * sectionSize);
            if (BitConverter.ToUInt32(bytes, section + 4) == SectionVersionNeed)
            {
                var strings = sections + (checked((int)BitConverter.ToUInt32(bytes, section + 0x28)) * sectionSize);
                return MarkNeeds(bytes, Offset(bytes, section), Offset(bytes, strings));
            }
        }

        return false;
    }

    private static int Offset(byte[] bytes, int section)
    {
        return checked((int)BitConverter.ToUInt64(bytes, section + 0x18));
    }

    // Verneed: version, count (16 bits each), file, first aux, next (32 bits each).
    // Vernaux: hash (32 bits), flags, index (16 bits each), name, next (32 bits each).
    private bool MarkNeeds(byte[] bytes, int need, int strings)
    {
        for (; ; )
        {
            var auxiliary = need + checked((int)BitConverter.ToUInt32(bytes, need + 8));
            for (var left = BitConverter.ToUInt16(bytes, need + 2); left > 0; left--)
            {
                if (Text(bytes, strings + checked((int)BitConverter.ToUInt32(bytes, auxiliary + 8))) == Version)
                {
                    bytes[auxiliary + 4] |= (byte)Weak;
                    return true;
                }

                auxiliary += checked((int)BitConverter.ToUInt32(bytes, auxiliary + 12));
            }

            var next = checked((int)BitConverter.ToUInt32(bytes, need + 12));
            if (next == 0)
            {
                return false;
            }

            need += next;
        }
    }

    private static string Text(byte[] bytes, int start)
    {
        return Encoding.ASCII.GetString(bytes, start, Array.IndexOf(bytes, (byte)0, start) - start);
    }
}
