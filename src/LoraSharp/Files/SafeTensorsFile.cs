using System.IO.MemoryMappedFiles;
using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Files;

/// <summary>
/// A safetensors file (<see href="https://github.com/huggingface/safetensors"/>), opened read-only and memory-mapped: tensors are read when asked for.
/// </summary>
public sealed unsafe class SafeTensorsFile : IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly Dictionary<string, TensorEntry> _byName;
    private readonly byte* _data;
    private bool _disposed;

    private SafeTensorsFile(string path, SafeTensorsHeader header, MemoryMappedFile? map, MemoryMappedViewAccessor? view, byte* data)
    {
        Path = path;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        _byName = header.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        _map = map;
        _view = view;
        _data = data;
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>The header's <c>__metadata__</c>; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>All tensors, in the order of their data.</summary>
    public IReadOnlyList<TensorEntry> Tensors { get; }

    /// <summary>Opens a file and checks its whole header against the file's size.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="SafeTensorsException">The file is truncated, malformed or hostile.</exception>
    public static SafeTensorsFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        SafeTensorsHeader header = SafeTensorsHeader.Read(stream, path);
        if (stream.Length == header.DataOffset)
        {
            return new SafeTensorsFile(path, header, null, null, null);
        }

        var map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        return new SafeTensorsFile(path, header, map, view, start + view.PointerOffset + header.DataOffset);
    }

    /// <summary>Whether the file holds a tensor of this name.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>What the header says of a tensor.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    public TensorEntry Entry(string name) =>
        _byName.TryGetValue(name, out TensorEntry? entry)
            ? entry
            : throw new KeyNotFoundException($"'{Path}' holds no tensor '{name}'.");

    /// <summary>The raw bytes of a tensor, in place; valid until the file is disposed.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="OverflowException">The tensor is larger than 2 GiB: use <see cref="Load"/>.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        TensorEntry entry = Entry(name);
        return new ReadOnlySpan<byte>(_data + entry.Begin, checked((int)entry.Bytes));
    }

    /// <summary>Reads a tensor into new memory of its own, converted when <paramref name="dtype"/> is given.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="dtype">The type wanted; null keeps the file's.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="NotSupportedException">torch has no such element type.</exception>
    public Tensor Load(string name, ScalarType? dtype = null)
    {
        using Tensor view = View(name);
        return dtype is null || dtype == view.dtype ? view.clone() : view.to(dtype.Value);
    }

    /// <summary>A tensor over the mapped file itself, without a copy: read-only by contract, and valid only until the file is disposed.</summary>
    internal Tensor View(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        TensorEntry entry = Entry(name);
        ScalarType dtype = TensorDtype.ToTorch(entry.Dtype)
            ?? throw new NotSupportedException($"Tensor '{name}' in '{Path}' is of type {entry.Dtype}, which torch cannot hold here; read its bytes instead.");
        return entry.Bytes == 0
            ? torch.empty([.. entry.Shape], dtype: dtype)
            : TensorMemory.View(_data + entry.Begin, entry.Shape.ToArray(), dtype);
    }

    /// <summary>Says that a tensor's bytes will not be read again soon, so that they need not stay in memory.</summary>
    internal void Release(string name)
    {
        TensorEntry entry = Entry(name);
        MappedPages.Release(_data + entry.Begin, entry.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed && _view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _map!.Dispose();
        }

        _disposed = true;
    }
}
