using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Sets VER_FLG_WEAK on one entry of the ELF section .gnu.version_r, in every copy of a library below a directory,
/// when the system's libstdc++ does not define that symbol version.
/// </summary>
public class WeakenSymbolVersion : Task
{
    private const int SectionTypeVersionNeeds = 0x6ffffffe;
    private const ushort WeakFlag = 0x2;

    [Required]
    public string Directory { get; set; }

    [Required]
    public string FileName { get; set; }

    [Required]
    public string SymbolVersion { get; set; }

    public override bool Execute()
    {
        if (!System.IO.Directory.Exists(Directory) || SystemDefines(SymbolVersion))
        {
            return true;
        }

        foreach (string file in System.IO.Directory.GetFiles(Directory, FileName, SearchOption.AllDirectories))
        {
            byte[] image = File.ReadAllBytes(file);
            if (!Weaken(image, SymbolVersion))
            {
                continue;
            }

            // A new file under the old name: the output may be a link into the package cache, which must stay as it is.
            DateTime stamp = File.GetLastWriteTimeUtc(file);
            string temporary = file + ".tmp";
            File.WriteAllBytes(temporary, image);
            File.SetLastWriteTimeUtc(temporary, stamp);
            File.Delete(file);
            File.Move(temporary, file);
            Log.LogMessage(MessageImportance.Normal, "Marked " + SymbolVersion + " as weak in " + file + ".");
        }

        return true;
    }

    private static bool SystemDefines(string version)
    {
        // Inline tasks compile against .NET Standard 2.0, which has no search in a span of bytes.
        Encoding latin1 = Encoding.GetEncoding("ISO-8859-1");
        foreach (string directory in new[] { "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib/x86_64-linux-gnu", "/lib64", "/usr/lib/aarch64-linux-gnu", "/usr/lib" })
        {
            string path = Path.Combine(directory, "libstdc++.so.6");
            if (File.Exists(path))
            {
                return latin1.GetString(File.ReadAllBytes(path)).IndexOf(version + "\0", StringComparison.Ordinal) >= 0;
            }
        }

        return false;
    }

    /// <summary>Returns whether the image was changed.</summary>
    private static bool Weaken(byte[] elf, string version)
    {
        bool is64BitLittleEndian = elf.Length > 64 && elf[0] == 0x7f && elf[1] == 'E' && elf[2] == 'L' && elf[3] == 'F' && elf[4] == 2 && elf[5] == 1;
        if (!is64BitLittleEndian)
        {
            return false;
        }

        long sections = BitConverter.ToInt64(elf, 0x28);
        int size = BitConverter.ToUInt16(elf, 0x3A);
        int count = BitConverter.ToUInt16(elf, 0x3C);
        for (int i = 0; i < count; i++)
        {
            int header = checked((int)(sections + ((long)i * size)));
            if (BitConverter.ToInt32(elf, header + 4) != SectionTypeVersionNeeds)
            {
                continue;
            }

            int needs = checked((int)BitConverter.ToInt64(elf, header + 0x18));
            int stringSection = checked((int)(sections + ((long)BitConverter.ToInt32(elf, header + 0x28) * size)));
            int strings = checked((int)BitConverter.ToInt64(elf, stringSection + 0x18));
            return WeakenEntry(elf, needs, strings, version);
        }

        return false;
    }

    // Elf64_Verneed: version(2) count(2) file(4) aux(4) next(4); Elf64_Vernaux: hash(4) flags(2) other(2) name(4) next(4).
    private static bool WeakenEntry(byte[] elf, int need, int strings, string version)
    {
        bool changed = false;
        while (true)
        {
            int entry = need + BitConverter.ToInt32(elf, need + 8);
            for (int left = BitConverter.ToUInt16(elf, need + 2); left > 0; left--)
            {
                int name = strings + BitConverter.ToInt32(elf, entry + 8);
                int end = Array.IndexOf(elf, (byte)0, name);
                ushort flags = BitConverter.ToUInt16(elf, entry + 4);
                if (Encoding.ASCII.GetString(elf, name, end - name) == version && (flags & WeakFlag) == 0)
                {
                    BitConverter.GetBytes((ushort)(flags | WeakFlag)).CopyTo(elf, entry + 4);
                    changed = true;
                }

                entry += BitConverter.ToInt32(elf, entry + 12);
            }

            int next = BitConverter.ToInt32(elf, need + 12);
            if (next == 0)
            {
                return changed;
            }

            need += next;
        }
    }
}
