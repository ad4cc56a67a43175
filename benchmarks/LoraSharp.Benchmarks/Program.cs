Console.WriteLine("LoraSharp benchmarks");
