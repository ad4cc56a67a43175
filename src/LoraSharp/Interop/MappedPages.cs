using System.Runtime.InteropServices;

namespace LoraSharp.Interop;

/// <summary>The pages of a mapped file that are resident in this process.</summary>
internal static unsafe partial class MappedPages
{
    private const int DontNeed = 4;

    /// <summary>
    /// Takes whole pages of a read-only mapped file out of this process's memory; the system keeps them in its cache, and they come back when they are read again. Else a
    /// model's file would count as resident until the last tensor is loaded. Does nothing where the system has no such call.
    /// </summary>
    public static void Release(byte* start, long bytes)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }

        nint page = Environment.SystemPageSize, first = ((nint)start + page - 1) / page * page, end = (nint)(start + bytes) / page * page;
        if (end > first)
        {
            // Advice: an error changes nothing.
            _ = Advise(first, end - first, DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint length, int advice);
}
