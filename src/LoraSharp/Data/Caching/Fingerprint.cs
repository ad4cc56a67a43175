using System.Security.Cryptography;
using System.Text;

namespace LoraSharp.Data;

/// <summary>Names a result by everything that it depends on: the rows themselves, not just the file they came from, since filters and functions of the user lie in between.</summary>
internal sealed class Fingerprint : IDisposable
{
    private const int NameLength = 32;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <param name="kind">What is named; results of other kinds, and of other versions of this library, get other names.</param>
    public Fingerprint(string kind) => Add($"{kind} {typeof(Fingerprint).Assembly.ManifestModule.ModuleVersionId}");

    public Fingerprint Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    public Fingerprint Add(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(BitConverter.GetBytes(bytes.Length));
        _hash.AppendData(bytes);
        return this;
    }

    public Fingerprint Add(IEnumerable<DataRow> rows, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        using var writer = new RowWriter(buffer);
        foreach (DataRow row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            buffer.SetLength(0);
            writer.Write(row);
            _hash.AppendData(buffer.GetBuffer(), 0, (int)buffer.Length);
        }

        return this;
    }

    /// <summary>The name: 32 hexadecimal digits.</summary>
    public string Name() => Convert.ToHexStringLower(_hash.GetCurrentHash())[..NameLength];

    public void Dispose() => _hash.Dispose();
}
