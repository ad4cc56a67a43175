using System.Text.Json;
using static TorchSharp.torch;

namespace LoraSharp.Files;

/// <summary>
/// The tensors of a model folder, wherever they lie: one <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> lists.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    internal const string SingleFile = "model.safetensors";
    internal const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafeTensorsFile> _files = [];
    private readonly Dictionary<string, SafeTensorsFile> _byName = new(StringComparer.Ordinal);

    private Checkpoint(string folder) => Folder = folder;

    /// <summary>The model folder.</summary>
    public string Folder { get; }

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _byName.Keys;

    /// <summary>Opens every file of the folder and checks all headers.</summary>
    /// <exception cref="FileNotFoundException">The folder holds neither a single file nor an index, or a shard is missing.</exception>
    /// <exception cref="SafeTensorsException">A file is truncated or malformed, or the index and the shards disagree.</exception>
    public static Checkpoint Open(string folder)
    {
        var checkpoint = new Checkpoint(folder);
        try
        {
            string single = Path.Combine(folder, SingleFile), index = Path.Combine(folder, IndexFile);
            if (File.Exists(single))
            {
                checkpoint.Add(single);
            }
            else if (File.Exists(index))
            {
                checkpoint.AddShards(index);
            }
            else
            {
                throw new FileNotFoundException(
                    $"'{folder}' holds neither {SingleFile} nor {IndexFile}. LoraSharp reads safetensors only; convert pytorch_model.bin or GGUF files first.");
            }

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Whether some file holds this tensor.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>The header's entry of a tensor.</summary>
    public TensorEntry Entry(string name) => Owner(name).Entry(name);

    /// <summary>Reads a tensor into memory of its own, converted when <paramref name="dtype"/> is given.</summary>
    public Tensor Load(string name, ScalarType? dtype = null) => Owner(name).Load(name, dtype);

    /// <summary>A read-only tensor over the mapped file; valid until this checkpoint is disposed.</summary>
    internal Tensor View(string name) => Owner(name).View(name);

    /// <summary>The raw bytes of a tensor in the mapped file; valid until this checkpoint is disposed.</summary>
    internal ReadOnlySpan<byte> Bytes(string name) => Owner(name).Bytes(name);

    /// <summary>Says that a tensor's bytes will not be read again soon.</summary>
    internal void Release(string name) => Owner(name).Release(name);

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private SafeTensorsFile Owner(string name) =>
        _byName.TryGetValue(name, out SafeTensorsFile? file) ? file : throw new KeyNotFoundException($"'{Folder}' holds no tensor '{name}'.");

    private void Add(string path)
    {
        SafeTensorsFile file = SafeTensorsFile.Open(path);
        _files.Add(file);
        foreach (TensorEntry tensor in file.Tensors)
        {
            if (!_byName.TryAdd(tensor.Name, file))
            {
                throw new SafeTensorsException($"Tensor '{tensor.Name}' is in both '{_byName[tensor.Name].Path}' and '{path}'; remove the stale shard.");
            }
        }
    }

    private void AddShards(string index)
    {
        Dictionary<string, string> map = ReadIndex(index);
        foreach (string shard in map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(shard) != shard)
            {
                throw new SafeTensorsException($"'{index}' names the shard '{shard}', which is not a plain file name; it may not point outside its folder.");
            }

            string path = Path.Combine(Folder, shard);
            if (!File.Exists(path))
            {
                throw new FileNotFoundException($"The shard '{shard}' that {IndexFile} names is not in '{Folder}'. Fetch the missing file.", path);
            }

            Add(path);
        }

        foreach (var (name, shard) in map)
        {
            if (!_byName.TryGetValue(name, out SafeTensorsFile? file) || Path.GetFileName(file.Path) != shard)
            {
                throw new SafeTensorsException($"'{index}' says that tensor '{name}' is in '{shard}', but it is not there; index and shards do not belong together.");
            }
        }
    }

    private static Dictionary<string, string> ReadIndex(string index)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(index));
            return document.RootElement.GetProperty("weight_map").EnumerateObject()
                .ToDictionary(p => p.Name, p => p.Value.GetString() ?? throw new JsonException($"'{p.Name}' has no file name"), StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new SafeTensorsException($"'{index}' is not a usable index: it needs an object 'weight_map' from tensor names to file names ({e.Message}).", e);
        }
    }
}
